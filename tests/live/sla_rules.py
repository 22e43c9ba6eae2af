#!/usr/bin/env python3
"""Alert rules of a document, as promtool sees them: each pair fires at the predicted evaluation, and is silent just under its factor, on a single bad request, and on
absent data, which has an alert of its own.

usage: sla_rules.py NIPOPS PROMTOOL
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from fractions import Fraction

NIPOPS = PROMTOOL = ""
MINUTE, HOUR = 60, 3600
TARGET = Fraction(999, 1000)
# severity, factor, long and short window in seconds, least bad events
PAIRS = [("page", Fraction("14.4"), HOUR, 5 * MINUTE, 10), ("page", Fraction(6), 2 * HOUR, 10 * MINUTE, 10), ("ticket", Fraction(3), 3 * HOUR, 15 * MINUTE, 10),
         ("ticket", Fraction(1), 6 * HOUR, 30 * MINUTE, 10)]
DOCUMENT = """
sla:
  name: shop
  metrics: {driver: prometheus, url: "http://127.0.0.1:9090"}
  indicators:
    requests: {events: {%s}}
    probe: {time: {query: 'probe{job="a \\"b\\" \\\\c"}', instances: [a, b], k: 1}}
    checkout: {latency: {histogram: 'h_bucket{x="}"}', limit: 500ms}}
  objectives:
    errors: {error_rate: requests, target: 0.1}
    uptime: {availability: probe, target: 99.9}
    latency: {latency: checkout, target: 99.9}
  alerts:
    pairs:
%s
"""


def document(events="bad: 'requests{code=\"500\"}', total: requests"):
    pairs = "".join("      - {severity: %s, factor: %s, long: %ds, short: %ds, min_bad: %d}\n" % (severity, float(factor), long, short, least)
                    for severity, factor, long, short, least in PAIRS)
    return DOCUMENT % (events, pairs)


def length(seconds):
    for unit, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds % unit == 0:
            return "%d%s" % (seconds // unit, name)
    return "%ds" % seconds


class Rules(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def rules(self, text):
        (self.folder / "sla.yaml").write_text(text)
        done = subprocess.run([NIPOPS, "sla", "rules", str(self.folder / "sla.yaml"), "--out", str(self.folder / "rules.yaml")], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        checked = subprocess.run([PROMTOOL, "check", "rules", str(self.folder / "rules.yaml")], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_selectors_as_people_write_them(self):
        """What Prometheus takes for a selector goes on being one with a matcher more, or a range behind it; what is more than a selector is refused."""
        for selector in 'h_bucket{x="}",}', 'h_bucket{ }', 'h_bucket{}', ' h_bucket{x="a" , } ', "h_bucket", "h_bucket # why }", '{__name__="h_bucket"}', 'h_bucket {x=~"#"} # {':
            with self.subTest(selector=selector):
                self.rules(document("bad: '%s', total: requests" % selector).replace('h_bucket{x="}"}', selector))
        for selector in "h_bucket offset 1m", 'h_bucket{x="a"} @ 5', "h_bucket[5m]", "rate(h_bucket[5m])", "a + b", 'h_bucket{x="', "{", "#":
            with self.subTest(selector=selector):
                (self.folder / "sla.yaml").write_text(document("bad: '%s', total: requests" % selector))
                done = subprocess.run([NIPOPS, "sla", "rules", str(self.folder / "sla.yaml")], capture_output=True, text=True)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("a name and labels", done.stderr)

    def promtool(self, series, checks, names=("SLABudgetBurn",)):
        """`checks`: (minute, name, the labels of alerts that fire then)."""
        lines = ["rule_files: [rules.yaml]", "evaluation_interval: 1m", "tests:", "  - interval: 1m", "    input_series:"]
        for name, values in series:
            lines += ["      - series: '%s'" % name, "        values: '%s'" % values]
        lines.append("    alert_rule_test:")
        for minute, name, alerts in checks:
            lines += ["      - eval_time: %dm" % minute, "        alertname: %s" % name, "        exp_alerts:" + ("" if alerts else " []")]
            for labels, summary, description in alerts:
                lines += ["          - exp_labels: {%s}" % ", ".join("%s: %s" % pair for pair in labels.items()),
                          "            exp_annotations: {summary: \"%s\", description: \"%s\"}" % (summary, description)]
        (self.folder / "test.yaml").write_text("\n".join(lines) + "\n")
        done = subprocess.run([PROMTOOL, "test", "rules", str(self.folder / "test.yaml")], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @staticmethod
    def burn(pair):
        severity, factor, long, short, _ = pair
        return ({"severity": severity, "window": length(long), "sla": "shop", "objective": "errors"}, "errors of shop: the error budget burns too fast",
                "More than %s times as fast as it may, in %s and in %s" % (str(float(factor)).rstrip("0").rstrip("."), length(long), length(short)))

    def fires(self, bad_a_minute, total_a_minute, begin):
        """For each pair the minute at which it fires first: a counter's rate over a window is that of the minutes in it, once it has begun to be bad."""
        ratio = Fraction(bad_a_minute, total_a_minute)
        for pair in PAIRS:
            _, factor, long, _, least = pair
            if ratio <= factor * (1 - TARGET):
                yield pair, None
                continue
            minutes = 1
            while Fraction(bad_a_minute * minutes * MINUTE, total_a_minute * long) <= factor * (1 - TARGET) or bad_a_minute * minutes < least:
                minutes += 1
            yield pair, begin + minutes

    OTHERS = [('probe{job="a \\"b\\" \\\\c",instance="a"}', "1x1000"), ('h_bucket{x="}",le="0.5"}', "0+10x1000"), ('h_bucket{x="}",le="+Inf"}', "0+10x1000")]

    def test_each_pair_fires_when_it_should(self):
        self.rules(document())
        begin = 370  # after six hours without a bad request, so that all windows are full
        for bad in (100, 10, 3):  # of a thousand a minute
            after = 400
            series = [('requests{code="200"}', "0+1000x%d %d+%dx%d" % (begin, 1000 * begin + 1000 - bad, 1000 - bad, after)),
                      ('requests{code="500"}', "0x%d %d+%dx%d" % (begin, bad, bad, after))]
            expected = list(self.fires(bad, 1000, begin))
            checks = []
            for pair, minute in expected:
                if minute is None or minute > begin + 390:
                    continue
                for at in (minute - 1, minute):
                    firing = [self.burn(other) for other, when in expected if when is not None and when <= at]
                    checks.append((at, "SLABudgetBurn", firing))
            self.assertGreaterEqual(len(checks), 2)
            with self.subTest(bad=bad):
                self.promtool(series + self.OTHERS, checks)

    def test_just_at_a_factor_all_is_silent(self):
        """1 in 1,000 is just the rate at which the budget is spent by the end: the least factor is not passed."""
        self.rules(document())
        series = [('requests{code="200"}', "0+999x900"), ('requests{code="500"}', "0+1x900")]
        self.promtool(series + self.OTHERS, [(at, "SLABudgetBurn", []) for at in (10, 100, 400, 890)])

    def test_a_single_bad_request_is_no_trend(self):
        self.rules(document())
        series = [('requests{code="200"}', "0+1x600 600x300"), ('requests{code="500"}', "0x500 1x400")]
        self.promtool(series + self.OTHERS, [(at, "SLABudgetBurn", []) for at in (501, 505, 600, 890)])

    def test_absent_data(self):
        self.rules(document())
        absent = ({"severity": "page", "sla": "shop", "objective": "errors"}, "errors of shop: there is no data",
                  "What was measured is gone, or nothing measures: no alert on a burn rate can fire.")
        self.promtool(self.OTHERS, [(5, "SLADataAbsent", []), (11, "SLADataAbsent", [absent]), (600, "SLABudgetBurn", [])])

    def test_no_traffic_is_silent(self):
        self.rules(document())
        series = [('requests{code="200"}', "5x900"), ('requests{code="500"}', "5x900")]
        self.promtool(series + self.OTHERS, [(890, "SLABudgetBurn", []), (890, "SLADataAbsent", [])])

    def test_other_sides_and_kinds(self):
        """good and total, good and bad, latency, time: all of it is bad from the second hour on."""
        for events, series in (("good: 'requests{code=\"200\"}', total: requests", [('requests{code="200"}', "0+100x120 12000x200"), ('requests{code="500"}', "0x120 0+100x200")]),
                               ("good: 'fine', bad: 'broken'", [("fine", "0+100x120 12000x200"), ("broken", "0x120 0+100x200")])):
            self.rules(document(events))
            others = [('probe{job="a \\"b\\" \\\\c",instance="a"}', "1x120 0x200"), ('h_bucket{x="}",le="0.5"}', "0+10x120 1200x200"), ('h_bucket{x="}",le="+Inf"}', "0+10x400")]
            alerts = []
            for pair in PAIRS:
                for objective in "errors", "uptime", "latency":
                    labels, summary, description = self.burn(pair)
                    alerts.append(({**labels, "objective": objective}, summary.replace("errors", objective), description))
            self.promtool(series + others, [(110, "SLABudgetBurn", []), (200, "SLABudgetBurn", alerts)])


if __name__ == "__main__":
    NIPOPS, PROMTOOL = os.path.abspath(sys.argv[1]), sys.argv[2]
    unittest.main(argv=[sys.argv[0]], verbosity=2)
