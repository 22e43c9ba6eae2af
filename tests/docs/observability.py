"""metrics and trace: the runs of a simulated world, as Prometheus and OpenTelemetry are told of them, against the journal.

    observability.py NIPOPS PROMTOOL TOP LIBRARY
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import simulated

NIPOPS, PROMTOOL = os.path.abspath(sys.argv[1]), sys.argv[2]
nipops = simulated.library(sys.argv[3], sys.argv[4])

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')


class Observability(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = cls.temporary.name
        cls.runs, cls.told = simulated.three_runs(nipops, cls.folder + "/nipops.db")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    @classmethod
    def nipops(cls, *arguments, status=0):
        done = subprocess.run([NIPOPS, *arguments, "--store", cls.folder + "/nipops.db"], capture_output=True, text=True, timeout=120)
        if done.returncode != status:
            raise AssertionError("%s ended with %d: %s" % (arguments, done.returncode, done.stderr))
        return done.stdout

    def samples(self):
        samples = {}
        for line in self.nipops("metrics").splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                key = (name, labels or "")
                self.assertNotIn(key, samples)
                samples[key] = float(value)
        return samples

    def test_promtool_finds_nothing_wrong(self):
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=self.nipops("metrics"), capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def test_the_guides_alerts_are_rules(self):
        with open(os.path.join(sys.argv[3], "docs", "guide-observability.md"), encoding="utf-8") as file:
            text = file.read()
        rules = re.search(r"```yaml\n(.*?)```", text, re.S).group(1)
        path = self.folder + "/rules.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(rules)
        done = subprocess.run([PROMTOOL, "check", "rules", path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        known = {name for name, _ in self.samples()}
        self.assertLessEqual(set(re.findall(r"nipops_[a-z_]+", rules)), known)
        for family in re.findall(r"(?m)^# TYPE (\S+)", self.nipops("metrics")):
            self.assertTrue(family == "nipops_info" or "`%s`" % family in text, family)

    def test_metrics(self):
        samples = self.samples()
        run = 'app="shop",run="%s"' % self.runs[-1]
        for key, value in {
            ("nipops_runs", 'app="shop",state="succeeded"'): 2,
            ("nipops_runs", 'app="shop",state="returned"'): 1,
            ("nipops_run_state", run + ',state="returned"'): 1,
            ("nipops_run_state", run + ',state="succeeded"'): 0,
            ("nipops_run_driven", run): 0,
            ("nipops_release_info", 'app="shop",version="1.1.0",artifact="1.1.0"'): 1,
            ("nipops_release_replicas", 'app="shop"'): 4,
            ("nipops_traffic_share_ratio", 'app="shop",version="1.1.0"'): 1,
            ("nipops_guard_limit", run + ',guard="guard-25",metric="error_rate"'): 0.01,
            ("nipops_guard_verdict", run + ',guard="guard-25",metric="error_rate",verdict="fail"'): 1,
            ("nipops_guard_verdict", run + ',guard="guard-25",metric="error_rate",verdict="pass"'): 0,
        }.items():
            self.assertEqual(samples.get(key), value, key)
        self.assertGreater(samples[("nipops_guard_value", run + ',guard="guard-25",metric="error_rate"')], 0.1)
        self.assertGreater(samples[("nipops_run_end_timestamp_seconds", run)], samples[("nipops_run_start_timestamp_seconds", run)])

    def test_a_file_is_whole_or_old(self):
        path = self.folder + "/nipops.prom"
        self.nipops("metrics", "--out", path)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), self.nipops("metrics"))
        self.nipops("metrics", "--out", self.folder + "/no/such/folder.prom", status=1)
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".new")], [])

    def test_spans(self):
        for run, code in zip(self.runs, (1, 1, 2)):
            with self.subTest(run):
                told = json.loads(self.nipops("trace", run))
                records = json.loads(self.nipops("journal", "shop", "--run", run, "--json"))
                spans = told["resourceSpans"][0]["scopeSpans"][0]["spans"]
                by_id = {span["spanId"]: span for span in spans}
                self.assertEqual(len(by_id), len(spans))
                roots = [span for span in spans if "parentSpanId" not in span]
                self.assertEqual(len(roots), 1)
                self.assertEqual(roots[0]["status"]["code"], code)
                for span in spans:
                    self.assertRegex(span["traceId"], r"^[0-9a-f]{32}$")
                    self.assertRegex(span["spanId"], r"^[0-9a-f]{16}$")
                    self.assertEqual(span["traceId"], roots[0]["traceId"])
                    self.assertLessEqual(int(span["startTimeUnixNano"]), int(span["endTimeUnixNano"]))
                    if span is not roots[0]:
                        self.assertIn(span["parentSpanId"], by_id)
                kinds = [record["kind"] for record in records]
                self.assertEqual(len(spans), 1 + kinds.count("step.started") + kinds.count("action.intended"))
                self.assertEqual(sum(event["name"] == "guard.judged" for event in roots[0]["events"]), kinds.count("guard.judged"))

    def test_python_is_told_the_same(self):
        self.assertEqual(self.told[0], self.nipops("metrics"))
        self.assertEqual(self.told[1], json.loads(self.nipops("trace", "shop")))

    def test_what_is_not_there(self):
        done = subprocess.run([NIPOPS, "trace", "nobody-1", "--store", self.folder + "/nipops.db"], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count("\n"), 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
