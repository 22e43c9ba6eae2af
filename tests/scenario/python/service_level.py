"""Service levels: what was measured, in parts; their pages; what became of a period."""
import math
from array import array
from contextlib import contextmanager

import nipops
import printing
from printing import json_text, line


@contextmanager
def levels(runner, name):
    with runner.document(name) as document:
        yield nipops.ServiceLevels(runner.store, document)


def promises(runner, said):
    """promises: NAME: what a document comes to, and rules that watch over it."""
    with runner.document(said) as document:
        line("described", json_text(nipops.describe_sla(document)))
        printing.block(nipops.sla_rules(document))


def print_added(slices, known):
    line("added slices", slices, "known", known)


def add(level, said, part):
    about = {key: nipops.parse_time_ns(part[key]) for key in ("begin", "end") if key in part}
    about.update(stream=said.get("stream", ""), revision=part.get("revision", 0))
    if "rows" in part:
        return level.add_rows(said["indicator"], part["rows"], name="rows", **about)
    times = array("q", (nipops.parse_time_ns(part["at"]) + second * 10**9 for second in part["times"]))
    if "values" in part:
        return level.add_samples(said["indicator"], times, [math.nan if value is None else value for value in part["values"]], **about)
    return level.add_events(said["indicator"], times, part["good"], array("q", part["bad"]), **about)


def measure(runner, said):
    """{document, indicator, stream?, parts: [...]}: here from the last to the first; each language has another order."""
    with levels(runner, said["document"]) as level:
        added = [add(level, said, part) for part in reversed(said["parts"])]
    print_added(sum(one.slices for one in added), sum(one.known for one in added))


def exclude(runner, said):
    """{document, exclusion}"""
    with levels(runner, said["document"]) as level:
        line("excluded", level.exclude(said["exclusion"]))


def pages(runner, said):
    """{document, as_of?, to?}: the text itself, to the byte; `to`: a document whose journal they are added to."""
    with levels(runner, said["document"]) as level:
        text = level.pages(said.get("as_of"))
    for each in text.split("\n"):
        line("pages", each)
    if "to" in said:
        with levels(runner, said["to"]) as level:
            added = level.add_pages(text)
        print_added(added.slices, added.known)


def print_judged(label, report):
    for objective in report["objectives"]:
        objective = objective.get("answer", objective)  # of a simulation
        printing.fields("judged", **{key: json_text(objective[key]) for key in ("objective", "value", "verdict", "proven")})
    line(label, json_text(report))


def judge(runner, said):
    """{document, period, as_of?}: at the record's instant if there is one, else now."""
    with levels(runner, said["document"]) as level:
        report = level.report(said["period"], as_of=said.get("as_of"))
        certificates = level.certificates(said["period"], as_of=said.get("as_of"))
    print_judged("report", report)
    line("certificates", json_text(certificates))
    for form in ("markdown", "html"):
        printing.block(nipops.sla_report_text(report, form))


def simulate(runner, said):
    """{document, period, as_of?, exclusions?}: what would have been; the instant as above."""
    with levels(runner, said["document"]) as level:
        print_judged("simulated", level.simulate(said["period"], as_of=said.get("as_of"), exclusions=said.get("exclusions", ())))
