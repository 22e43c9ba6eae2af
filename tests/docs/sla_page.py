#!/usr/bin/env python3
"""sla report --html in a real browser: tables and pictures are drawn, limits and lines have their colours, what happened is marked, nobody is asked for
anything, and nothing that people wrote is taken for markup.

    sla_page.py NIPOPS CHROMIUM
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import browser

NIPOPS, CHROMIUM = os.path.abspath(sys.argv[1]), sys.argv[2]
HOSTILE = "new \"disks\"'><script>document.title='taken'</script><img src=x onerror=document.title=1>&amp;"
DOCUMENT = """
sla:
  name: shop
  indicators:
    requests: {events: {}}
    probe: {time: {instances: [a]}, max_gap: 1m}
  objectives:
    errors: {error_rate: requests, targets: {day: 0.1, month: 0.1}}
    uptime: {availability: probe, targets: {day: 99, month: 99}, missing: ignore}
"""


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.write("sla.yaml", DOCUMENT)
        cls.write("requests.csv", "at,good,bad\n" + "".join("2026-03-01T%02d:%02d:00Z,%d,%d\n" % (i // 60, i % 60, 998, 2 if 600 < i < 1200 else 0) for i in range(1440)))
        cls.write("probe.csv", "at,up\n" + "".join("2026-03-01T%02d:%02d:%02dZ,%d\n" % (i // 120, i // 2 % 60, i % 2 * 30, not 1200 <= i < 1260) for i in range(2880) if not 400 <= i < 520))
        for name in "requests", "probe":
            cls.sla("import", cls.folder + "/%s.csv" % name, "--indicator", name, "--stream", "a", "--begin", "2026-03-01T00:00:00Z", "--end", "2026-03-02T00:00:00Z")
        cls.sla("exclude", "--begin", "2026-03-01T05:00:00Z", "--end", "2026-03-01T07:00:00Z", "--reason", HOSTILE)
        cls.path = cls.folder + "/report.html"
        cls.sla("report", "--period", "2026-03-01", "--html", cls.path)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def write(cls, name, text):
        with open(cls.folder + "/" + name, "w", encoding="utf-8") as file:
            file.write(text)

    @classmethod
    def sla(cls, what, *more):
        done = subprocess.run([NIPOPS, "sla", what, cls.folder + "/sla.yaml", *more, "--store", cls.folder + "/journal.db"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def text(self):
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def test_it_is_drawn(self):
        picture = self.folder + "/page.png"
        browser.browse(CHROMIUM, "--screenshot=" + picture, "file://" + self.path)
        colour = {name: tuple(bytes.fromhex(value)) for name, value in re.findall(r"--(first|second|bad):#([0-9a-f]{6})", self.text())[:3]}
        rows = list(browser.pixels(picture))
        heights = {name: sum(value in row for row in rows) for name, value in colour.items()}
        self.assertGreater(heights["second"], 200, heights)  # budgets and burn rates, twice
        self.assertGreater(heights["bad"], 20, heights)      # targets and limits
        self.assertGreater(heights["first"], 10, heights)    # bounds

    def test_what_the_browser_makes_of_it(self):
        done = browser.browse(CHROMIUM, "--dump-dom", "file://" + self.path)
        self.assertNotIn("<script", done.stdout)
        self.assertNotIn("<img", done.stdout)
        self.assertNotIn("<title>taken", done.stdout)
        self.assertIn("&lt;script&gt;", done.stdout)
        self.assertNotIn("CONSOLE", done.stderr)
        self.assertEqual(done.stdout.count("<svg"), 6)  # of each objective bounds, budget, burn rate
        self.assertEqual(done.stdout.count('class="band"'), 4)
        rows = re.findall(r"<tr><td>(\w+)</td><td><b class=\"(\w+)\">(\w+)</b>", done.stdout)
        self.assertEqual(rows, [("errors", "pass", "met"), ("uptime", "fail", "breached")])
        self.assertIsNone(re.search(r"(?i)<(link|iframe|object)|@import|url\(|https?://", done.stdout))

    def test_it_says_what_the_report_says(self):
        report, text = json.loads(self.sla("report", "--period", "2026-03-01", "--json")), self.text()
        for objective in report["objectives"]:
            for figure in "value", "lower", "upper", "target", "coverage":
                self.assertTrue(">%s</td>" % objective[figure] in text, figure)
        self.assertTrue("<dt>good</dt><dd>%d</dd>" % report["objectives"][0]["figures"]["good"] in text)
        self.assertEqual(os.stat(self.path).st_mode & 0o777, 0o600)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
