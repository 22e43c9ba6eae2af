#!/usr/bin/env python3
"""
The made month: what the example prints, from a real Prometheus, is what the month's own truth comes to; and whatever edge of an outage, of the hole or of the
maintenance is moved by a second, the report moves by exactly that.

usage: sla_month.py NIPOPS EXAMPLE
"""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here.parent / "support"))
import sla_truth  # noqa: E402
from month import BEGIN, END, Month  # noqa: E402

NIPOPS = EXAMPLE = ""
TARGET = sla_truth.Fraction(9995, 10000)
DOCUMENT = """
sla:
  name: shop
  zone: Europe/Berlin
  indicators: {probe: {time: {instances: [a, b], k: 1}, max_gap: 1m}}
  objectives: {uptime: {availability: probe, target: 99.95, missing: ignore, min_coverage: 99}}
"""


def instant(second):
    return subprocess.run(["date", "-u", "-d", "@%d" % second, "+%Y-%m-%dT%H:%M:%SZ"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


class FromPrometheus(unittest.TestCase):
    def test_the_example(self):
        with tempfile.TemporaryDirectory() as folder:
            build = pathlib.Path(NIPOPS).resolve().parents[2]
            done = subprocess.run(["sh", EXAMPLE, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=280,
                                  env={**os.environ, "NIPOPS_BUILD": str(build)})
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            report = json.loads(pathlib.Path(folder, "report.json").read_text())
            certificates = json.loads(pathlib.Path(folder, "certificates.json").read_text())
        wanted = sla_truth.truth()
        self.assertEqual(sla_truth.differences(report, wanted), [])
        self.assertIn("| uptime | 99.95 %% | %s | met |" % wanted["uptime"]["value"], done.stdout)
        self.assertIn("| errors | 0.1 %% | %s | **breached** |" % wanted["errors"]["value"], done.stdout)
        for certificate in certificates:
            parts = sum(certificate[part] for part in ("excluded_ms", "covered_ms", "missing_ms", "ahead_ms"))
            self.assertEqual((certificate["period"]["length_ms"], parts), ((END - BEGIN) * 1000,) * 2)
            self.assertEqual(certificate["period"]["begin"]["local"], "2026-03-01T00:00:00+01:00")
            self.assertEqual(certificate["period"]["end"]["local"], "2026-04-01T00:00:00+02:00")


class Edges(unittest.TestCase):
    def figures(self, month):
        """The report of a month, from what its probes saw."""
        with tempfile.TemporaryDirectory() as folder:
            document, rows = pathlib.Path(folder, "sla.yaml"), pathlib.Path(folder, "rows.csv")
            document.write_text(DOCUMENT)
            rows.write_text("stream,at,up\n" + "".join("%s,%d,%d\n" % (name, at, up) for name in "ab" for at, up in month.probes(name)))

            def nipops(*arguments):
                return subprocess.run([NIPOPS, "sla", arguments[0], document, *arguments[1:], "--store", folder + "/journal.db"], stdout=subprocess.PIPE, text=True,
                                      check=True).stdout

            nipops("import", str(rows), "--indicator", "probe")
            nipops("exclude", "--begin", instant(month.maintenance[0]), "--end", instant(month.maintenance[1]), "--reason", "new disks")
            return json.loads(nipops("report", "--period", "2026-03", "--json"))

    def test_every_edge_moved_by_a_second(self):
        month = Month()
        before = sla_truth.seconds(month)
        # By how many seconds up, down and missing change when this edge is one second later. A probe looks when something changes, so nothing is lost between two.
        moves = {
            ("first", 0): (0, 0, 0),       # hidden by the maintenance
            ("first", 1): (-1, 1, 0),
            ("second", 0): (1, -1, 0),
            ("second", 1): (0, 0, 0),      # hidden by the hole
            ("hole", 0): (0, 0, 0),        # between two scrapes
            ("maintenance", 0): (1, 0, 0),
            ("maintenance", 1): (0, -1, 0),
            ("lonely", 0): (0, 0, 0),      # the other instance is up
        }
        for (name, edge), change in moves.items():
            with self.subTest(name=name, edge=edge):
                stretch = list(getattr(month, name))
                stretch[edge] += 1
                moved = dataclasses.replace(month, **{name: tuple(stretch)})
                self.assertEqual(sla_truth.seconds(moved), tuple(had + more for had, more in zip(before, change)))
                wanted = {"uptime": sla_truth.time_figures(moved, TARGET)}
                self.assertEqual(sla_truth.differences(self.figures(moved), wanted), [])

    def test_the_hole_moved_over_a_scrape(self):
        month = Month()
        for begin, end in ((month.hole[0] + 30, month.hole[1]), (month.hole[0], month.hole[1] + 30), (month.second[1], month.second[1] + 3000)):
            moved = dataclasses.replace(month, hole=(begin, end))
            self.assertEqual(sla_truth.differences(self.figures(moved), {"uptime": sla_truth.time_figures(moved, TARGET)}), [])


if __name__ == "__main__":
    NIPOPS, EXAMPLE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=[sys.argv[0]], verbosity=2)
