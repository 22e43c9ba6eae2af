"""convert: manifests of Argo Rollouts become documents that are valid, and say what became of every part.

    convert.py NIPOPS TOP
"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

import yaml

NIPOPS, MANIFESTS = os.path.abspath(sys.argv[1]), os.path.join(os.path.abspath(sys.argv[2]), "tests", "docs", "argo")


def nipops(*arguments, text=None):
    return subprocess.run([NIPOPS, *arguments], capture_output=True, text=True, input=text, timeout=60)


def convert(text):
    done = nipops("convert", "-", "--json", text=text)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    told = json.loads(done.stdout)
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(told["document"])
        file.flush()
        checked = nipops("check", file.name)
        if checked.returncode != 0:
            raise AssertionError(checked.stderr + told["document"])
    return next(iter(yaml.safe_load(told["document"]).values())), told["notes"]


def manifest(name):
    with open(os.path.join(MANIFESTS, name), encoding="utf-8") as file:
        return file.read()


class Convert(unittest.TestCase):
    def test_what_yaml_takes_otherwise_than_json(self):
        odd = "1.4\x80\x85\x9b\u2028\u2029\ufeffé"
        image = json.dumps("registry.example:5000/acme/shop:" + odd)
        written = manifest("canary.yaml").replace("registry.example:5000/acme/shop:1.4.0", image)
        rollout, _ = convert(written)
        self.assertEqual(rollout["version"], odd)

    def test_canary(self):
        rollout, notes = convert(manifest("canary.yaml"))
        self.assertEqual(rollout["canary"]["stages"], [
            {"share": 20}, {"share": 40, "approve": "go on to 40 %?", "duration": "15m"}, {"share": 80, "duration": "1m30s"}])
        self.assertEqual(rollout["canary"]["guard"], {"error_rate": {"max": 5}, "latency_p95": {"max": "500ms"}, "interval": "1m", "failure_limit": 0})
        self.assertEqual((rollout["app"], rollout["version"], rollout["replicas"], rollout["hold_old"]), ("shop", "1.4.0", 5, "10m"))
        self.assertEqual(rollout["metrics"]["url"], "http://prometheus.example:9090")
        queries = rollout["metrics"]["queries"]
        self.assertEqual(queries["total"], 'sum(increase(requests_total{service="shop",pod_hash="{version}"}[{window}]))')
        self.assertIn(' - (sum(increase(requests_total{service="shop",pod_hash="{version}",code!~"5.*"}[{window}])))', queries["errors"])
        self.assertEqual(rollout["health"], {"url": "http://{endpoint}/ready", "interval": "5s", "try_timeout": "1s", "successes": 2, "timeout": "2m"})
        self.assertNotIn("hush", json.dumps(rollout) + json.dumps(notes))
        self.assertTrue(any("strictest" in note["message"] for note in notes))
        by_place = {note["at"]: note for note in notes}
        self.assertEqual(by_place["spec.strategy.canary.steps[5].setHeaderRoute"]["what"], "dropped")
        self.assertIn("40 after 40", by_place["spec.strategy.canary.steps[7].setWeight"]["message"])
        self.assertIn('"elsewhere"', by_place["spec.strategy.canary.analysis"]["message"])
        self.assertIn("not Prometheus", by_place["AnalysisTemplate success-rate, metric web"]["message"])
        lines = manifest("canary.yaml").splitlines()
        self.assertIn("setHeaderRoute", lines[by_place["spec.strategy.canary.steps[5].setHeaderRoute"]["line"] - 1])
        self.assertIn("name: web", lines[by_place["AnalysisTemplate success-rate, metric web"]["line"] - 1])

    def test_blue_green(self):
        rollout, notes = convert(manifest("blue-green.yaml"))
        self.assertEqual(rollout["strategy"], "blue_green")
        self.assertEqual(rollout["hold_old"], "1h")
        self.assertEqual(rollout["blue_green"]["approve"], "switch all traffic?")
        self.assertEqual(rollout["blue_green"]["guard"], {"error_rate": {"max": 1}, "interval": "20s", "failure_limit": -1})
        self.assertEqual(rollout["metrics"]["queries"]["errors"], 'sum(increase(e{v="{version}"}[{window}]))')
        self.assertNotIn("version", rollout)
        self.assertIs(rollout["health"]["tcp"], True)
        dropped = {note["at"] for note in notes if note["what"] == "dropped"}
        self.assertLessEqual({"spec.strategy.blueGreen.previewReplicaCount", "spec.strategy.blueGreen.prePromotionAnalysis"}, dropped)

    def test_without_steps(self):
        rollout, _ = convert(manifest("rolling.yaml"))
        self.assertEqual((rollout["strategy"], rollout["rolling"]), ("rolling", {"max_surge": "25%", "max_unavailable": 0}))

    def test_what_is_no_manifest(self):
        for text, says in (("a: 1", "kind: Rollout"), ("a: [", "line"), ("", "kind: Rollout"), ("---\n" * 200, "more than 100")):
            done = nipops("convert", "-", text=text)
            self.assertEqual((done.returncode, done.stdout), (2, ""), text[:10])
            self.assertEqual(done.stderr.count("\n"), 1)
        self.assertEqual(nipops("convert", "/no/such/file").returncode, 2)

    def test_a_file_is_not_overwritten(self):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "rollout.yaml")
            for status in (0, 2):
                self.assertEqual(nipops("convert", os.path.join(MANIFESTS, "rolling.yaml"), "--out", out).returncode, status)
            self.assertEqual(os.stat(out).st_mode & 0o777, 0o600)

    def test_whatever_is_left_out_the_document_is_valid(self):
        """Each value of the manifest in turn replaced by nonsense of several kinds."""
        parts = list(yaml.safe_load_all(manifest("canary.yaml")))

        def places(node, path=()):
            for key, value in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ():
                yield path + (key,)
                yield from places(value, path + (key,))

        for number, path in enumerate(places(parts)):
            nonsense = (None, -1, "{{", [], {"x": []}, 10 ** 15, "a\nb: c", True)[number % 8]
            changed = json.loads(json.dumps(parts))
            node = changed
            for key in path[:-1]:
                node = node[key]
            node[path[-1]] = nonsense
            text = "\n---\n".join(json.dumps(part) for part in changed)
            with self.subTest(path=path, nonsense=nonsense):
                if nipops("convert", "-", text=text).returncode == 0:
                    convert(text)


SLO = """
apiVersion: openslo/v1
kind: SLO
metadata: {name: "%s"}
spec:
  service: "a b"
  indicator: {spec: {ratioMetric: {bad: {metricSource: {spec: {query: '%s'}}}, total: {metricSource: {spec: {query: t}}}}}}
  timeWindow: [{duration: %s, isRolling: false}]
  objectives: [{target: %s}]
"""


class OpenSLO(unittest.TestCase):
    def test_a_shop(self):
        with open(os.path.join(MANIFESTS, "..", "openslo", "shop.yaml"), encoding="utf-8") as file:
            sla, notes = convert(file.read())
        self.assertEqual(sla["indicators"]["shop_availability"]["events"],
                         {"good": 'http_requests_total{job="shop",code!~"5.."}', "total": 'http_requests_total{job="shop"}'})
        self.assertEqual(sla["objectives"]["shop_availability"], {"availability": "shop_availability", "target": "99.95"})
        self.assertEqual(sla["objectives"]["shop_availability-2"]["target"], 99)
        self.assertEqual((sla["name"], sla["zone"], sla["period"], sla["metrics"]["url"]), ("shop", "Europe/Berlin", "month", "http://127.0.0.1:9095"))
        self.assertNotIn("latency", sla["indicators"])
        dropped = {note["at"] for note in notes if note["what"] == "dropped"}
        self.assertLessEqual({"AlertPolicy", "spec.indicator", "spec.objectives.timeSliceTarget", "spec.alertPolicies"}, dropped)
        self.assertTrue(all(note["line"] > 0 for note in notes))

    def test_targets_are_kept_to_the_digit(self):
        for target, wanted in (("0.9995", "99.95"), ("0.9", "90"), ("0.09", "9"), ("0.999999999", "99.9999999"), ("1", "100"), ("0.005", "0.5"), ("0.10", "10")):
            with self.subTest(target=target):
                sla, _ = convert(SLO % ("x", "b", "1Q", target))
                self.assertEqual(sla["objectives"]["x"]["target"], wanted)
                self.assertEqual(sla["period"], "quarter")

    def test_selectors(self):
        for query, wanted in (("sum(rate(b{x=\"y\"}[5m]))", 'b{x="y"}'), ("increase(b[1h])", "b"), ("b # all", "b")):
            with self.subTest(query=query):
                sla, _ = convert(SLO % ("x y/z", query, "1w", "0.5"))
                self.assertEqual(sla["indicators"]["x_y_z"]["events"], {"bad": wanted, "total": "t"})
        done = nipops("convert", "-", text=SLO % ("x", "avg_over_time(b[5m])", "1w", "0.5"))
        self.assertIn("write its selector", done.stderr)

    def test_what_is_none(self):
        done = nipops("convert", "-", text="apiVersion: openslo/v1\nkind: Service\n")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no manifest of apiVersion: openslo/v1 and kind: SLO", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
