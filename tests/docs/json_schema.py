"""The JSON Schemas against a validator that knows nothing of the library: what `nipops check` takes they take, and a wrong value they refuse.

    json_schema.py NIPOPS TOP
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

NIPOPS, TOP = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])

SMALLEST = {"app": "shop", "artifact": "1.4.0", "target": {"driver": "sim"}, "router": {"driver": "sim"},
            "health": {"url": "http://{endpoint}/health"}}

# What is put into the smallest document, and refused by schema and library alike.
WRONG = [
    ("an unknown key", {"colour": "blue"}),
    ("replicas of the wrong kind", {"replicas": "six"}),
    ("replicas below the range", {"replicas": 0}),
    ("replicas above the range", {"replicas": 10001}),
    ("a strategy that does not exist", {"strategy": "hope"}),
    ("a duration without unit", {"drain_timeout": 30}),
    ("a duration with a wrong unit", {"drain_timeout": "30 parsecs"}),
    ("a driver without name", {"target": {"ports": "9100-9199"}}),
    ("a share above 100", {"canary": {"stages": [{"share": 101}]}}),
    ("a stage without share", {"canary": {"stages": [{"duration": "1m"}]}}),
    ("no stage at all", {"canary": {"stages": []}}),
    ("an unknown key deep inside", {"canary": {"guard": {"error_rate": {"maximum": 1}}}}),
    ("a limit that is text", {"canary": {"guard": {"error_rate": {"max": "1%"}}}}),
    ("a size with a wrong unit", {"preflight": {"disk_free": "5 pounds"}}),
]

RIGHT = [
    {"replicas": 10000},
    {"version": 7},
    {"drain_timeout": 0.0 or "1h30m"},
    {"hold_old": 0},
    {"canary": {"stages": [{"percentage": 10}, {"share": 100, "duration": "1ms"}]}},
    {"preflight": {"env": "HOME", "disk_free": "1.5 GiB"}},
    {"target": {"driver": "a-host-s-own", "anything": [1, 2]}},
]


def run(*arguments, status=None):
    done = subprocess.run([NIPOPS, *arguments], capture_output=True, text=True, timeout=60)
    if status is not None and done.returncode != status:
        raise AssertionError("%s ended with %d: %s" % (arguments, done.returncode, done.stderr))
    return done


def accepted_by_library(document):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(document, file)
        file.flush()
        return run("check", file.name).returncode == 0


def rollout_with(change):
    return {"rollout": {**SMALLEST, **change}}


def documents_of(node):
    """Every rollout and health document inside a parsed file, however deep, and inside its texts."""
    if isinstance(node, str) and ("rollout:" in node or "health:" in node):
        try:
            node = yaml.safe_load(node)
        except yaml.YAMLError:
            return
    if isinstance(node, dict):
        if isinstance(node.get("rollout"), dict) or isinstance(node.get("health"), dict) and "targets" in node["health"]:
            yield node
        else:
            for value in node.values():
                yield from documents_of(value)
    elif isinstance(node, list):
        for value in node:
            yield from documents_of(value)


class JsonSchema(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = {item["name"]: item["of"] for item in json.loads(run("schema", "--json", status=0).stdout)}
        cls.schemas = {name: json.loads(run("schema", name, status=0).stdout) for name in cls.names}
        cls.validators = {name: jsonschema.Draft202012Validator(schema) for name, schema in cls.schemas.items()}

    def test_they_are_schemas(self):
        self.assertLessEqual({"rollout", "health", "plan", "local", "haproxy"}, set(self.names))
        for name, schema in self.schemas.items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_wrong_values_are_refused(self):
        for what, change in WRONG:
            with self.subTest(what):
                document = rollout_with(change)
                self.assertFalse(self.validators["rollout"].is_valid(document))
                self.assertFalse(accepted_by_library(document))

    def test_right_values_are_taken(self):
        for change in [{}, *RIGHT]:
            with self.subTest(json.dumps(change)):
                document = rollout_with(change)
                self.validators["rollout"].validate(document)
                self.assertTrue(accepted_by_library(document))

    def test_settings_of_drivers_are_known(self):
        document = rollout_with({"router": {"driver": "haproxy", "socket": "/run/haproxy.sock", "backend": "shop"}})
        self.validators["rollout"].validate(document)
        document["rollout"]["router"]["bakend"] = document["rollout"]["router"].pop("backend")
        self.assertFalse(self.validators["rollout"].is_valid(document))

    def test_what_the_library_takes_they_take(self):
        seen = 0
        for path in sorted(glob.glob(TOP + "/examples/**/*.yaml", recursive=True) + glob.glob(TOP + "/tests/scenario/*.yaml")):
            with open(path, encoding="utf-8") as file:
                for document in documents_of(yaml.safe_load(re.sub("@[a-z]+@", "9100-9199", file.read()))):
                    kind = "rollout" if "rollout" in document else "health"
                    if not accepted_by_library(document):
                        continue
                    seen += 1
                    with self.subTest(path):
                        self.validators[kind].validate(document)
        self.assertGreater(seen, 10)

    def test_a_plan_is_valid(self):
        with tempfile.TemporaryDirectory() as folder:
            plan = os.path.join(folder, "plan.json")
            run("plan", TOP + "/examples/rollout.yaml", "--out", plan, "--store", folder + "/s.db", "--clock", "virtual:2026-01-01T00:00:00Z", status=0)
            with open(plan, encoding="utf-8") as file:
                self.validators["plan"].validate(json.load(file))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]], verbosity=1)
