#!/usr/bin/env python3
"""docs/sla.md works a month out by hand: its figures are those of the month's own truth. usage: sla.py SOURCE"""
import pathlib
import sys

source = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(source / "tests" / "support"))
import sla_truth  # noqa: E402
from month import BEGIN, END, Month  # noqa: E402


def thousands(number):
    return f"{number:,}"


def main():
    figures, month = sla_truth.truth(), Month()
    up, down, missing = sla_truth.seconds(month)
    page = (source / "docs" / "sla.md").read_text()
    wanted = {"**%s s**" % thousands(number) for number in (END - BEGIN, up, down, missing, up + down)}
    for name in figures:
        told = figures[name]
        wanted |= {told["value"], told["lower"], told["upper"], "*%s*" % told["verdict"]}
    for name in ("errors", "latency"):
        for kind in ("good", "bad"):
            wanted.add(thousands(figures[name]["figures"][kind]))
        wanted.add("**%s s**" % thousands(figures[name]["figures"]["missing_ms"] // 1000))
    wanted |= {"1,332.315 s", "**44.315 s**", thousands(figures["errors"]["budget"]["allowed"]) + " requests"}
    assert figures["uptime"]["budget"]["allowed"] == 1332315 and figures["uptime"]["budget"]["left_ms"] == 44315
    # What really happened, holes or not.
    really = sla_truth.seconds(Month(hole=(BEGIN, BEGIN)))
    wanted.add("%s s of outage" % thousands(really[1]))
    absent = sorted(figure for figure in wanted if figure not in page)
    print("\n".join("docs/sla.md lacks " + figure for figure in absent) or "every figure stands in docs/sla.md")
    return bool(absent)


if __name__ == "__main__":
    sys.exit(main())
