#!/usr/bin/env python3
"""
What the made month of examples/sla-month comes to, from what happened in it and the rules of the contract: with fractions, and without the library.

usage: sla_truth.py                prints the figures
       sla_truth.py REPORT         compares a report's JSON with them; ends with 1, and what differs, when it does
"""
import json
import pathlib
import sys
from fractions import Fraction

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples" / "sla-month"))
from month import BEGIN, END, RATE, Month  # noqa: E402

MAX_GAP = 60
SLICE = 60


def percent(share, up=False):
    """Four decimals, rounded towards the breach."""
    scaled = share * 1000000
    whole = -(-scaled.numerator // scaled.denominator) if up else scaled.numerator // scaled.denominator
    sign = "-" if whole < 0 else ""
    return "%s%d.%04d %%" % (sign, abs(whole) // 10000, abs(whole) % 10000)


# ---- time ----


def runs(samples):
    """(begin, end, up or None) of one instance: a sample holds until the next one, for MAX_GAP at most."""
    made = []

    def put(begin, end, standing):
        if begin >= end:
            return
        if made and made[-1][1] == begin and made[-1][2] is standing:
            made[-1] = (made[-1][0], end, standing)
        else:
            made.append((begin, end, standing))

    samples = list(samples)
    for (at, up), (after, _) in zip(samples, samples[1:]):
        held = min(after, at + MAX_GAP)
        put(at, held, up)
        put(held, after, None)
    return made


def standing_at(run_list, at):
    for begin, end, standing in run_list:
        if begin <= at < end:
            return standing
    return None


def seconds(month):
    """Seconds up, down and not known of what counts in the month."""
    instances = [runs(month.probes(name)) for name in "ab"]
    edges = {BEGIN, END, *month.maintenance}
    for run_list in instances:
        for begin, end, _ in run_list:
            edges |= {begin, end}
    edges = sorted(edge for edge in edges if BEGIN <= edge <= END)
    total = {True: 0, False: 0, None: 0}
    for begin, end in zip(edges, edges[1:]):
        if month.maintenance[0] <= begin < month.maintenance[1]:
            continue
        seen = [standing_at(run_list, begin) for run_list in instances]
        one_of_two = True if True in seen else None if None in seen else False
        total[one_of_two] += end - begin
    return total[True], total[False], total[None]


def time_figures(month, target):
    up, down, missing = seconds(month)
    excluded = month.maintenance[1] - month.maintenance[0]
    allowed = (1 - target) * (up + down)
    return {
        "value": percent(Fraction(up, up + down)),
        "lower": percent(Fraction(up, up + down + missing)),
        "upper": percent(Fraction(up + missing, up + down + missing)),
        "verdict": "met" if Fraction(up, up + down) >= target else "breached",
        "proven": "met" if Fraction(up, up + down + missing) >= target
        else "breached" if Fraction(up + missing, up + down + missing) < target else "undetermined",
        "figures": {"good": up * 1000, "bad": down * 1000, "unsure": 0, "excluded_ms": excluded * 1000, "covered_ms": (up + down) * 1000,
                    "missing_ms": missing * 1000, "ahead_ms": 0},
        "budget": {"allowed": int(allowed * 1000), "spent": down * 1000, "left_ms": (allowed - down) * 1000 // 1},
    }


# ---- events ----


def known_minutes(month):
    """Slices (begin, begin + 60] that count: no two scrapes around any instant of it are further apart than MAX_GAP, and none of it is excluded."""
    scrapes = list(month.scrapes())
    gaps = [(a, b) for a, b in zip(scrapes, scrapes[1:]) if b - a > MAX_GAP]
    for begin in range(BEGIN, END, SLICE):
        if month.maintenance[0] <= begin < month.maintenance[1]:
            continue
        if not any(a < begin + SLICE and begin < b for a, b in gaps):
            yield begin


def event_figures(month, bad_in, target, errors):
    minutes = list(known_minutes(month))
    bad = sum(bad_in(second) for begin in minutes for second in range(begin + 1, begin + SLICE + 1))
    total = len(minutes) * SLICE * RATE
    excluded = month.maintenance[1] - month.maintenance[0]
    missing = END - BEGIN - excluded - len(minutes) * SLICE
    unknown = missing * RATE  # taken to have had the traffic of what is known
    good = Fraction(total - bad, total)
    worst, best = Fraction(total - bad, total + unknown), Fraction(total - bad + unknown, total + unknown)
    allowed = (1 - target) * total

    def tell(share):
        return percent(1 - share, up=True) if errors else percent(share)

    lower, upper = (best, worst) if errors else (worst, best)
    return {
        "value": tell(good),
        "lower": tell(lower),
        "upper": tell(upper),
        "verdict": "met" if good >= target else "breached",
        "proven": "met" if worst >= target else "breached" if best < target else "undetermined",
        "figures": {"good": total - bad, "bad": bad, "unsure": 0, "excluded_ms": excluded * 1000, "covered_ms": len(minutes) * SLICE * 1000,
                    "missing_ms": missing * 1000, "ahead_ms": 0},
        "budget": {"allowed": int(allowed), "spent": bad, "left_ms": None},
    }


def truth(month=Month()):
    return {
        "uptime": time_figures(month, Fraction(9995, 10000)),
        "errors": event_figures(month, month.bad, Fraction(999, 1000), True),
        "latency": event_figures(month, lambda second: RATE - month.within(second)[2], Fraction(95, 100), False),
    }


# ---- comparing ----


def differences(report, wanted):
    """One line for each figure that a report has otherwise."""
    found = {objective["objective"]: objective for objective in report["objectives"]}
    lines = []

    def compare(path, one, other):
        if isinstance(other, dict):
            for key in other:
                compare(path + "." + key, (one or {}).get(key), other[key])
        elif one != other:
            lines.append("%s is %s, and should be %s" % (path, one, other))

    for name in wanted:
        compare(name, found.get(name), wanted[name])
    return lines


if __name__ == "__main__":
    figures = truth()
    if len(sys.argv) < 2:
        print(json.dumps(figures, indent=1, default=int))
    else:
        wrong = differences(json.loads(pathlib.Path(sys.argv[1]).read_text()), figures)
        print("\n".join(wrong) or "every figure is as it should be")
        sys.exit(bool(wrong))
