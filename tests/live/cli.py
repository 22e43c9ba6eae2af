#!/usr/bin/python3
"""The command nipops as its users meet it: usage, exit statuses, JSON, signals, terminals. Whole rollouts run in the simulated world.

usage: cli.py PATH-OF-NIPOPS
"""

import http.server
import json
import os
import pty
import re
import select
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
import unittest

NIPOPS = ""
COMMANDS = (
    "plan rollout adopt resume status list approve reject override pause promote abort rollback ensure retire health journal metrics trace check init convert schema completion "
    "help").split()
SLA = ["sla " + name for name in "check report budget simulate certificate rules collect import exclude".split()]
VIRTUAL = ("--clock", "virtual:2026-01-01T00:00:00Z")
PATIENCE = 60  # seconds; only a test that hangs waits as long

CANARY = """\
rollout:
  app: shop
  artifact: "1.4.0"
  replicas: 4
  strategy: canary
  target: &world
    driver: sim
    world: shop
    start_delay: 100ms
    stop_delay: 100ms
    sessions_drain: 100ms
    requests_per_second: 1000
    initial: {INITIAL}
    initial_shares: {SHARES}
    versions: {VERSIONS}
  router: {driver: sim, world: shop}
  metrics: {driver: sim, world: shop}
  health: {url: "http://{endpoint}/health", interval: 200ms, timeout: 30s, successes: 1}
  drain_timeout: 5s
  canary:
    stages: STAGES
    guard: {interval: 500ms, settle: 0s, error_rate: {max: 1.0}, min_samples: 50}
"""


FLAT = """app: shop
artifact: "1.4.0"
replicas: 4
strategy: canary
target: {driver: sim}
router: {driver: sim}
health_check_url: "http://{endpoint}/health"
initial_canary_percentage: 10
promotion_stages: [{percentage: 25, duration_minutes: 1}, {percentage: 100, duration_minutes: 1}]
"""


def canary(versions="{}", stages="[{share: 10, duration: 2s}, {share: 100, duration: 2s}]", initial="{}", shares="{}"):
    text = CANARY.replace("{VERSIONS}", versions).replace("STAGES", stages)
    return text.replace("{INITIAL}", initial).replace("{SHARES}", shares)


class Case(unittest.TestCase):
    """A folder of its own for every test; no state of the user is touched."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="nipops-cli-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.env = dict(os.environ, XDG_STATE_HOME=os.path.join(self.folder, "state"), HOME=self.folder, TERM="xterm", LC_ALL="C")
        self.env.pop("NO_COLOR", None)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as out:
            out.write(textwrap.dedent(text))
        return path

    def nipops(self, *arguments, status=None, **options):
        done = subprocess.run([NIPOPS, *arguments], env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, **options)
        if status is not None:
            self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}\n{done.stderr}")
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        return done

    def as_json(self, *arguments, status=0):
        return json.loads(self.nipops(*arguments, "--json", status=status).stdout)

    def start(self, *arguments):
        process = subprocess.Popen([NIPOPS, *arguments], env=self.env, cwd=self.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def wait_for_line(self, process, part):
        """Reads stdout until a line has `part`; returns what was read."""
        seen = []
        for line in process.stdout:
            seen.append(line)
            if part in line:
                return "".join(seen)
        self.fail(f"ended with {process.wait()} before a line with {part!r}:\n{''.join(seen)}{process.stderr.read()}")

    def release(self, version="1.3.0"):
        """The first release, in a world of its own that ends with the process; the next one begins as this one ended."""
        self.nipops("rollout", self.write("first.yaml", canary()), "--image-tag", version, *VIRTUAL, status=0)

    def newest(self):
        return self.as_json("list")[0]["run"]

    def next_document(self, versions="{}", **others):
        return self.write("next.yaml", canary(versions, initial='{"1.3.0": 4}', **others))


class Usage(Case):
    WRONG = (
        ([], "usage"),
        (["rolout"], "did you mean rollout?"),
        (["frobnicate"], "nipops help"),
        (["plan"], "nipops plan FILE"),
        (["plan", "a", "b"], "one argument too many"),
        (["plan", "a", "--strateg", "x"], "did you mean --strategy?"),
        (["plan", "a", "--zzzzzzzz"], "nipops help plan"),
        (["plan", "a", "-j"], "two dashes"),
        (["plan", "a", "--out"], "--out needs a value"),
        (["plan", "a", "--json=yes"], "takes no value"),
        (["plan", "a", "--out", "x", "--out", "y"], "given twice"),
        (["plan", "a", "--detach"], "no such option of plan"),
        (["rollout"], "nipops rollout FILE, or nipops rollout --plan FILE"),
        (["rollout", "a", "--plan", "b"], "nipops rollout FILE, or nipops rollout --plan FILE"),
        (["rollout", "--plan", "b", "--replicas", "3"], "exactly that plan"),
        (["resume", "a", "--all"], "not both"),
        (["status", "--follow"], "nipops status RUN --follow"),
        (["status", "shop-1"], "no store yet"),
        (["abort", "shop-1"], "no store yet"),
        (["journal", "shop", "--verify", "--head"], "not both"),
        (["journal", "shop", "--expect", "x"], "--verify"),
        (["completion", "tcsh"], "bash, zsh and fish"),
        (["help", "nothing"], "no such command"),
        (["help", "sla", "nothing"], "no such command"),
        (["help", "list", "more"], "one argument too many"),
        (["sla"], "nipops help sla"),
        (["sla", "reprot", "a"], "did you mean sla report?"),
        (["sla", "report"], "nipops sla report FILE"),
        (["sla", "report", "missing.yaml"], "missing.yaml"),
        (["sla", "import", "a", "b"], "--indicator NAME"),
        (["sla", "exclude", "a", "--begin", "2026-03-01T00:00:00Z"], "--end INSTANT"),
        (["sla", "exclude", "a", "--revokes", "b"], "--reason TEXT"),
        (["health"], "nipops health"),
        (["plan", "missing.yaml"], "missing.yaml"),
        (["check", "missing.yaml"], "missing.yaml"),
        (["--store", "x", "list"], "a command comes first"),
        (["health", "ftp://127.0.0.1/"], "must begin with http://, https:// or tcp://"),
        (["health", "tcp://127.0.0.1"], "tcp://HOST:PORT"),
    )

    def test_wrong_usage_ends_with_2_and_touches_nothing(self):
        for arguments, says in self.WRONG:
            with self.subTest(arguments=arguments):
                done = self.nipops(*arguments, status=2)
                self.assertEqual(done.stdout, "")
                self.assertIn(says, done.stderr)
                if arguments:
                    self.assertEqual(done.stderr.count("\n"), 1)
                    self.assertTrue(done.stderr.startswith("nipops: "))
        self.assertEqual(os.listdir(self.folder), [])

    def test_wrong_usage_in_json(self):
        for arguments, says in (("status", "shop-1"), "no store yet"), (("status", "--nope"), "no such option"), (("list", "--store"), "needs a value"):
            with self.subTest(arguments=arguments):
                for order in (*arguments, "--json"), (arguments[0], "--json", *arguments[1:]):
                    if arguments[-1] == "--store" and order[-1] == "--json":
                        continue  # it is the value then
                    done = self.nipops(*order, status=2)
                    self.assertIn(says, json.loads(done.stdout)["error"]["message"])
        self.assertEqual(self.nipops("status", "--nope", "--", "--json", status=2).stdout, "")

    def test_help(self):
        overview = self.nipops("--help", status=0).stdout
        for name in COMMANDS:
            with self.subTest(name=name):
                self.assertRegex(overview, rf"(?m)^  {name} ")
                text = self.nipops("help", name, status=0).stdout
                self.assertIn(f"usage: nipops {name}", text)
                self.assertNotRegex(text, r"(?m) $")
                self.assertEqual(text, self.nipops(name, "--help", status=0).stdout)
                self.assertLessEqual(max(map(len, text.splitlines())), 130)
        self.assertRegex(overview, r"(?m)^  sla ")
        family = self.nipops("help", "sla", status=0).stdout
        self.assertEqual(family, self.nipops("sla", "--help", status=0).stdout)
        for name in SLA:
            with self.subTest(name=name):
                self.assertRegex(family, rf"(?m)^  {name} ")
                text = self.nipops("help", *name.split(), status=0).stdout
                self.assertIn(f"usage: nipops {name}", text)
                self.assertEqual(text, self.nipops(*name.split(), "--help", status=0).stdout)
                self.assertLessEqual(max(map(len, text.splitlines())), 130)
        self.assertIn("130  cancelled", self.nipops("help", "exit", status=0).stdout)
        self.assertRegex(self.nipops("--version", status=0).stdout, r"^nipops \d+\.\d+\.\d+\n$")

    def test_every_schema_is_listed_once(self):
        listed = self.as_json("schema")
        names = [item["name"] for item in listed]
        self.assertEqual(sorted(names), sorted(set(names)))
        self.assertIn({"name": "train", "of": "document"}, listed)
        said = self.nipops("schema", "none", status=2).stderr
        self.assertEqual(said[said.index("one of ") + len("one of "):].strip().split(", "), names)

    def test_completion_completes(self):
        script = self.nipops("completion", "bash", status=0).stdout
        ask = 'COMP_WORDS=(nipops %s); COMP_CWORD=%d; _nipops; echo "${COMPREPLY[@]}"'
        for words, position, wanted in (("roll", 1, "rollout rollback"), ("rollout --det", 2, "--detach"), ("sl", 1, "sla"), ("sla ex", 2, "exclude"),
                                        ("sla exclude --rev", 3, "--revokes"), ("check --str", 2, "--strategy")):
            done = subprocess.run(["bash", "-c", script + ask % (words, position)], stdout=subprocess.PIPE, text=True, check=True)
            self.assertEqual(done.stdout.split(), wanted.split())

    def test_standard_descriptors_may_be_closed(self):
        for closed in (0, 1, 2):
            done = subprocess.run(["sh", "-c", f'exec "$0" list {closed}>&-', NIPOPS], env=self.env, timeout=PATIENCE)
            self.assertEqual(done.returncode, 0)
        with open("/dev/full", "w") as full:
            done = subprocess.run([NIPOPS, "list"], env=self.env, stdout=full, stderr=subprocess.PIPE, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot be written", done.stderr)


class ServiceLevels(Case):
    DOCUMENT = """\
        sla:
          name: shop
          indicators:
            requests: {events: {}}
            probe: {time: {instances: [a, b], k: 1}, max_gap: 1m}
          objectives:
            errors: {error_rate: requests, targets: {day: 0.1}}
            uptime: {availability: probe, targets: {day: 99.9}, missing: ignore}
        """
    DAY = ("--period", "2026-03-01")

    def rows(self, bad=1):
        """All of March 1st, 1,000 requests a minute."""
        lines = ["at,good,bad"] + ["2026-03-01T%02d:%02d:00Z,%d,%d" % (i // 60, i % 60, 1000 - bad, bad) for i in range(1440)]
        return self.write("requests.csv", "\n".join(lines) + "\n")

    def test_from_file_to_report(self):
        document = self.write("sla.yaml", self.DOCUMENT)
        whole = ("--begin", "2026-03-01T00:00:00Z", "--end", "2026-03-02T00:00:00Z")
        self.assertIn("1440 slices added, 0 were known", self.nipops("sla", "import", document, self.rows(), "--indicator", "requests", *whole, status=0).stdout)
        self.assertIn("0 slices added, 1440 were known", self.nipops("sla", "import", document, self.rows(), "--indicator", "requests", *whole, status=0).stdout)
        self.assertIn("a higher revision corrects them", self.nipops("sla", "import", document, self.rows(2), "--indicator", "requests", *whole, status=3).stderr)
        report = self.as_json("sla", "report", document, *self.DAY)
        errors, uptime = report["objectives"]
        self.assertEqual((errors["verdict"], errors["proven"], errors["value"]), ("met", "met", "0.1000 %"))
        self.assertEqual(uptime["verdict"], "undetermined")
        self.assertIn("| errors | 0.1 % | 0.1000 % | met |", self.nipops("sla", "report", document, *self.DAY, status=0).stdout)
        self.assertRegex(self.nipops("sla", "check", document, *self.DAY, status=4).stdout, r"(?m)^met +errors .*\nundetermined +uptime ")
        self.nipops("sla", "import", document, self.rows(2), "--indicator", "requests", *whole, "--revision", "1", status=0)
        self.assertRegex(self.nipops("sla", "check", document, *self.DAY, status=1).stdout, r"(?m)^breached +errors ")
        self.assertEqual(self.as_json("sla", "report", document, *self.DAY, "--as-of", "1")["objectives"][0]["verdict"], "met")

    def test_exclusions(self):
        document = self.write("sla.yaml", self.DOCUMENT)
        self.nipops("sla", "import", document, self.rows(), "--indicator", "requests", status=0)
        said = self.nipops("sla", "exclude", document, "--begin", "2026-03-01T01:00:30Z", "--end", "2026-03-01T02:00:00Z", "--id", "disks", "--by", "ann",
                           "--reason", "new disks", status=0).stdout
        self.assertIn('recorded as "disks" (record 2)', said)
        excluded = [objective["figures"]["excluded_ms"] for objective in self.as_json("sla", "report", document, *self.DAY)["objectives"]]
        self.assertEqual(excluded, [59 * 60000, 59 * 60000 + 30000])  # events by whole slices, time to the ms
        self.nipops("sla", "exclude", document, "--revokes", "disks", "--reason", "was not announced", status=0)
        certificates = json.loads(self.nipops("sla", "certificate", document, *self.DAY, status=0).stdout)
        self.assertEqual([certificate["excluded_ms"] for certificate in certificates], [0, 0])
        for wrong, says in ((("--revokes", "disks"), "revoked already"), (("--begin", "2026-03-01", "--end", "x"), "instants such as"),
                            (("--begin", "2026-03-01T00:00:00Z", "--end", "2026-03-01T01:00:00Z", "--class", "party"), 'no class "party"'),
                            (("--begin", "2026-03-01T00:00:00Z", "--end", "2026-03-01T01:00:00Z", "--objectives", "errors,up"), 'no objective "up"')):
            with self.subTest(wrong=wrong):
                self.assertIn(says, self.nipops("sla", "exclude", document, *wrong, "--reason", "x", status=2).stderr)

    def test_budgets_and_what_would_have_been(self):
        document = self.write("sla.yaml", self.DOCUMENT)
        self.nipops("sla", "import", document, self.rows(2), "--indicator", "requests", "--begin", "2026-03-01T00:00:00Z", "--end", "2026-03-02T00:00:00Z", status=0)
        self.assertRegex(self.nipops("sla", "budget", document, *self.DAY, status=0).stdout, r"errors +2880 events of 1440 events spent, -100\.0000 % left; burn rate 2\.00\n")
        self.assertEqual(self.as_json("sla", "budget", document, *self.DAY)["objectives"][0]["budget"]["spent"], 2880)
        tried = self.nipops("sla", "simulate", document, *self.DAY, "--target", "errors=0.3", status=0).stdout
        self.assertRegex(tried, r"(?m)^met +errors +0\.2000 % +of 0\.3 %.*\n  no alert would have fired$")
        self.assertRegex(self.nipops("sla", "simulate", document, *self.DAY, status=0).stdout, r"(?m)^  ticket 2026-03-01T00:0\d:00Z to the end  above 1 in 72h and 6h")
        self.assertEqual(self.as_json("sla", "simulate", document, *self.DAY)["as_of"], 1)
        for wrong, says in (("errors", "NAME=PERCENTAGE"), ("errors=x", "NAME=PERCENTAGE"), ("errors=101", "must be a percentage"), ("eror=1", "/sla/objectives/eror")):
            self.assertIn(says, self.nipops("sla", "simulate", document, "--target", wrong, status=2).stderr)

    def test_what_is_no_document_of_service_levels(self):
        path = self.write("health.yaml", "health: {url: \"http://127.0.0.1/\"}\n")
        self.assertIn("is a health document", self.nipops("sla", "check", path, status=2).stderr)


class Documents(Case):
    BAD = """\
        rollout:
          app: shop
          artifact: "1.4.0"
          replicas: many
          stratgy: canary
          target: {driver: sim}
          router: {driver: sim}
          health: {url: "http://{endpoint}/health", interval: soon}
        """

    def test_every_problem_has_its_place(self):
        path = self.write("bad.yaml", self.BAD)
        for command in ("check", "plan", "rollout"):
            with self.subTest(command=command):
                done = self.nipops(command, path, status=2)
                places = re.findall(r"(?m)^nipops: .*bad\.yaml:(\d+):(\d+): (/\S+):", done.stderr)
                self.assertEqual([int(line) for line, _, _ in places], [4, 5, 8])
                self.assertIn("strategy", done.stderr)
                self.assertEqual(done.stdout, "")
        problem = self.as_json("check", path, status=2)["error"]
        self.assertEqual((problem["name"], len(problem["problems"])), ("NIP_E_DOCUMENT", 3))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state/nipops/nipops.db")) and self.runs())

    def runs(self):
        return self.as_json("list")

    def test_syntax_and_kind(self):
        done = self.nipops("check", self.write("broken.yaml", "rollout: {app: [}\n"), status=2)
        self.assertRegex(done.stderr, r"^nipops: .*broken\.yaml:1:\d+: ")
        done = self.nipops("plan", self.write("health.yaml", "health: {targets: ['tcp://127.0.0.1:1']}\n"), status=2)
        self.assertIn("rollout document", done.stderr)

    def test_good_document(self):
        path = self.write("good.yaml", canary())
        self.assertIn("a valid rollout document", self.nipops("check", path, status=0).stdout)
        self.assertEqual(self.as_json("check", path)["valid"], True)

    def test_settings_of_drivers_are_checked(self):
        rows = (("router: {driver: sim}", "router: {driver: haproxy, soket: /x, backend: shop}", r'haproxy: /router: unknown key "soket"; did you mean "socket"'),
                ("target: {driver: sim}", "target: {driver: local, command: x}", r"local: /target/ports: is missing"))
        for good, bad, says in rows:
            with self.subTest(bad=bad):
                path = self.write("settings.yaml", FLAT.replace(good, bad))
                done = self.nipops("check", path, status=2)
                self.assertRegex(done.stderr, f"(?m)^nipops: .*{says}")
                self.assertEqual(done.stderr, self.nipops("plan", path, status=2).stderr)
        path = self.write("settings.yaml", FLAT.replace("target: {driver: sim}", "target: {driver: locall}"))
        self.assertRegex(self.nipops("check", path, status=0).stderr, r'no driver "locall"; did you mean "local".*: valid only for a program that')
        self.nipops("plan", path, status=2)
        path = self.write("settings.yaml", FLAT.replace("target: {driver: sim}", "target: {driver: ours}").replace(rows[0][0], rows[0][1]))
        self.assertRegex(self.nipops("check", path, status=2).stderr, rows[0][2])
        self.assertEqual(sorted(os.listdir(self.folder)), ["settings.yaml"])

    def test_settings_of_drivers_have_their_place(self):
        """In a document, in the document of a train's app, and in an app that is written in the train itself."""
        app = ("rollout:\n  app: {name}\n  artifact: x\n  replicas: 2\n  strategy: blue_green\n  target:\n    driver: local\n    command: x\n"
               "  router: {router}\n  health: {{url: \"http://{{endpoint}}/\"}}\n")
        first = self.write("a.yaml", app.format(name="shop", router="{driver: haproxy, socket: /x, backend: shop}"))
        second = self.write("b.yaml", app.format(name="pay", router="{driver: ours}"))
        inner = textwrap.indent(app.format(name="mail", router="{driver: sim}"), "      ").lstrip()
        train = self.write("train.yaml", f"train:\n  name: autumn\n  apps:\n    - document: a.yaml\n    - document: b.yaml\n    - {inner}")
        commands = [f"{first}:8:14: local: /target/command: must be a list", f"{second}:8:14: local: /target/command: must be a list",
                    f"{train}:13:20: local: /target/command: must be a list"]
        ports = [f"{first}:7:5: local: /target/ports: is missing", f"{second}:7:5: local: /target/ports: is missing",
                 f"{train}:12:11: local: /target/ports: is missing"]
        for path, says in ((first, (0,)), (second, (1,)), (train, (0, 1, 2))):
            with self.subTest(path=path):
                stderr = self.nipops("check", path, status=2).stderr
                for i in says:
                    self.assertIn(f"nipops: {commands[i]}", stderr)
                    self.assertIn(f"nipops: {ports[i]}", stderr)
                self.assertEqual(len(stderr.splitlines()), 2 * len(says))
        problem = self.as_json("check", first, status=2)["error"]["problems"][0]
        self.assertEqual((problem["file"], problem["line"], problem["column"], problem["path"]), (first, 7, 5, "/target/ports"))
        good = app.format(name="pay", router="{driver: ours}").replace("driver: local\n    command: x", "driver: sim")
        second = self.write("b.yaml", good)
        first = self.write("a.yaml", good.replace("ours", "sim").replace("pay", "shop"))
        train = self.write("train.yaml", "train: {name: autumn, apps: [{document: a.yaml}, {document: b.yaml}]}")
        for path in (second, train):
            self.assertRegex(self.nipops("check", path, status=0).stderr, re.escape(f"nipops: {second}:8:20: ") + 'there is no driver "ours".*: valid only for a program that')

    def test_when_busy_overrides_the_document(self):
        done = self.nipops("rollout", self.write("good.yaml", canary()), "--when-busy", "sometimes", *VIRTUAL, status=2)
        self.assertEqual(done.stderr, 'nipops: --when-busy sometimes (/rollout/when_busy): must be one of refuse, queue, supersede, restart, found "sometimes"\n')
        self.nipops("rollout", self.write("flat.yaml", FLAT.replace("duration_minutes: 1", "duration_minutes: 0")), "--when-busy", "queue",
                    *VIRTUAL, status=0)
        done = self.nipops("rollout", "--plan", "x", "--when-busy", "queue", status=2)
        self.assertIn("exactly that plan", done.stderr)

    def test_overrides(self):
        path = self.write("good.yaml", canary())
        plan = self.as_json("plan", path, "--image-tag", "1.30", "--replicas", "2", "--strategy", "rolling", *VIRTUAL)
        self.assertEqual((plan["release"]["version"], plan["release"]["replicas"]), ("1.30", 2))
        self.assertEqual(plan["release"]["rollout"]["strategy"], "rolling")
        plan = self.as_json("plan", path, "--health-check-url", "/ready", "--canary-percentage", "5", *VIRTUAL)
        self.assertEqual(plan["release"]["rollout"]["health"]["url"], "http://{endpoint}/ready")
        self.assertEqual(plan["release"]["rollout"]["canary"]["stages"][0]["share"], 5)
        flat = self.write("flat.yaml", FLAT)
        plan = self.as_json("plan", flat, "--canary-percentage", "5", *VIRTUAL)
        self.assertEqual([stage["share"] for stage in plan["release"]["rollout"]["canary"]["stages"]], [5, 25, 100])
        done = self.nipops("plan", path, "--namespace", "production", *VIRTUAL, status=2)
        self.assertIn('driver "sim" has no namespaces', done.stderr)
        for option, value, says in (("--replicas", "none", '(/rollout/replicas): must be an integer from 1 to 10000, found "none"'),
                                    ("--strategy", "big", '(/rollout/strategy): must be one of rolling, blue_green, canary, shadow, found "big"'),
                                    ("--canary-percentage", "-1", "(/rollout/canary/stages/0/share): must be an integer from ")):
            with self.subTest(option=option):
                done = self.nipops("plan", path, option, value, *VIRTUAL, status=2)
                self.assertTrue(done.stderr.startswith(f"nipops: {option} {value} {says}"), done.stderr)
                problem = self.as_json("plan", path, option, value, *VIRTUAL, status=2)["error"]
                self.assertTrue(problem["message"].startswith(f"{option} {value} {says}"), problem)
                self.assertTrue(problem["path"].startswith("/rollout/"), problem)
                self.assertNotIn("line", problem)
        bad = self.write("bad.yaml", self.BAD)
        done = self.nipops("plan", bad, "--replicas", "0", *VIRTUAL, status=2)
        self.assertIn("nipops: --replicas 0 (/rollout/replicas): must be", done.stderr)
        self.assertIn(f"nipops: {bad}:8:55: /rollout/health/interval: ", done.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state")))


class Plans(Case):
    def test_plan_reads_only(self):
        done = self.nipops("plan", self.write("r.yaml", canary()), *VIRTUAL, status=0)
        self.assertIn("if it fails here", done.stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state")))

    def test_offline_and_exactly_this_plan(self):
        path, kept = self.write("r.yaml", canary()), os.path.join(self.folder, "plan.json")
        self.nipops("plan", path, "--out", kept, *VIRTUAL, status=0)
        self.assertEqual(os.stat(kept).st_mode & 0o777, 0o600)
        with open(kept) as text:
            plan = json.load(text)
        offline = self.as_json("plan", path, "--observed", kept, *VIRTUAL)
        self.assertEqual([step["id"] for step in offline["steps"]], [step["id"] for step in plan["steps"]])
        done = self.nipops("plan", path, "--observed", path, *VIRTUAL, status=2)
        self.assertIn(f"nipops: {path}: no observed state is in it", done.stderr)
        self.assertIn("plan", self.nipops("check", kept, status=0).stdout)
        self.nipops("rollout", "--plan", kept, *VIRTUAL, status=0)
        done = self.nipops("rollout", "--plan", kept, *VIRTUAL)
        self.assertEqual(done.returncode, 0 if "succeeded" in done.stdout else 3, done.stderr)

    def test_out_takes_what_it_is_given(self):
        link, real, pipe = (os.path.join(self.folder, name) for name in ("link.json", "real.json", "pipe"))
        plan = ["plan", self.write("r.yaml", canary()), *VIRTUAL, "--out"]
        self.write("real.json", "old")
        os.symlink("real.json", link)
        self.nipops(*plan, link, status=0)
        self.assertTrue(os.path.islink(link))
        with open(real) as text:
            self.assertIn('"steps"', text.read())
        os.mkfifo(pipe)
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.nipops(*plan, pipe, status=0)
        self.assertIn(b'"steps"', os.read(reader, 65536))
        os.close(reader)
        self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))
        self.assertIn('"steps"', self.nipops(*plan, "-", status=0).stdout)
        self.assertIn("s a directory", self.nipops(*plan, self.folder, status=1).stderr)
        self.assertIn("No such file", self.nipops(*plan, os.path.join(self.folder, "no", "file"), status=1).stderr)
        self.assertEqual([name for name in os.listdir(self.folder) if name.endswith(".part")], [])

    def test_refused_when_things_stand_differently(self):
        kept = os.path.join(self.folder, "plan.json")
        self.nipops("plan", self.write("r.yaml", canary()), "--out", kept, *VIRTUAL, status=0)
        with open(kept) as text:
            plan = json.load(text)
        plan["observed"]["target"]["versions"]["9.9.9"] = {"endpoints": ["127.0.0.1:9190"], "running": 1, "exited": 0}
        with open(kept, "w") as text:
            json.dump(plan, text)
        done = self.nipops("rollout", "--plan", kept, *VIRTUAL, status=3)
        self.assertIn("9.9.9", done.stderr)
        self.assertEqual(self.as_json("list"), [])

    def test_too_few_ports(self):
        path = self.next_document().replace("next.yaml", "narrow.yaml")
        with open(self.next_document()) as text:
            narrow = text.read().replace("    driver: sim\n", '    driver: sim\n    ports: "9100-9104"\n')
        with open(path, "w") as out:
            out.write(narrow)
        self.release()
        done = self.nipops("rollout", path, *VIRTUAL)
        self.assertIn("ports_free is 1, must be >= ", done.stdout + done.stderr)
        self.assertRegex(done.stdout + done.stderr, r"\d free ports are needed, 1 of the target's `ports` 9100-9104 at 127\.0\.0\.1 is free: "
                                                    r"widen them by \d, or end what holds them")

    BY_HAND = {"v": 1, "kind": "plan", "subject": "shop", "title": "by hand",
               "steps": [{"id": "look", "title": "look", "actions": [{"role": "target", "verb": "observe", "class": "read"}], "deadline": "5s"}]}

    def test_plan_by_hand_that_cannot_be_compared(self):
        """Nothing to compare with how things stand, or nobody named who could tell: said with place and way out, and nothing is run."""
        observed, rollout = "/observed: is missing in the plan of shop: ", "/release/rollout: is missing in the plan of shop, and "
        drivers = {"drivers": {"target": {"driver": "sim"}}}
        state = {"observed": {"target": {"versions": {}}}}
        for more, says in (({}, (observed, rollout)), (drivers, (observed, rollout)), (state, (rollout,)), ({**drivers, **state}, (rollout,))):
            with self.subTest(more=more):
                path = self.write("plan.json", json.dumps({**self.BY_HAND, **more}))
                self.nipops("check", path, status=0)
                done = self.nipops("rollout", "--plan", path, *VIRTUAL, status=2)
                lines = done.stderr.splitlines()
                self.assertEqual([line[:len(f"nipops: {path}: ") + len(part)] for line, part in zip(lines, says)],
                                 [f"nipops: {path}: {part}" for part in says])
                self.assertEqual(len(lines), len(says))
                for line in lines:
                    self.assertIn("nipops plan FILE --out PLAN", line)
                self.assertEqual(self.as_json("list"), [])

    def test_dry_run(self):
        path = self.write("r.yaml", canary())
        self.assertEqual(self.nipops("rollout", path, "--dry-run", *VIRTUAL, status=0).stdout,
                         self.nipops("plan", path, *VIRTUAL, status=0).stdout)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state")))


class Rollouts(Case):
    def test_a_good_release(self):
        self.release()
        result = self.as_json("rollout", self.next_document(), *VIRTUAL)
        self.assertEqual((result["state"], result["release"]["version"]), ("succeeded", "1.4.0"))
        runs = self.as_json("list")
        self.assertEqual([(run["title"], run["state"]) for run in runs],
                         [("canary of shop: 1.3.0 to 1.4.0", "succeeded"), ("first release of shop: 1.3.0", "succeeded")])
        self.assertEqual(self.as_json("status", "shop")["run"], runs[0]["run"])
        self.assertEqual([run["run"] for run in self.as_json("status")], [runs[0]["run"]])
        self.assertIn(runs[0]["run"] + "  succeeded", self.nipops("status", status=0).stdout)
        self.assertEqual(self.as_json("resume"), [])

    def test_events_one_a_line(self):
        self.release()
        lines = self.nipops("rollout", self.next_document(), *VIRTUAL, status=0).stdout.splitlines()
        self.assertTrue(any(re.match(r"\S+Z shop-\d+ step 1/\d+: ", line) for line in lines), lines)
        self.assertTrue(any("guard" in line and "error_rate" in line for line in lines), lines)
        self.assertTrue(any(re.match(r"shop-\d+ succeeded: canary", line) for line in lines), lines)
        quiet = self.nipops("rollout", self.write("again.yaml", canary(initial='{"1.4.0": 4}')), "--image-tag", "1.5.0", "--quiet",
                            *VIRTUAL, status=0)
        self.assertRegex(quiet.stdout, r"^shop-\d+ succeeded: ")

    def test_a_bad_release_is_taken_back(self):
        self.release()
        document = self.next_document('{"1.4.0": {error_rate: 0.3}}')
        done = self.nipops("rollout", document, *VIRTUAL, status=1)
        self.assertRegex(done.stdout, r"(?m)^shop-\d+ returned: ")
        self.assertIn("error_rate", done.stdout)
        self.assertEqual(self.as_json("status", "shop")["state"], "returned")
        self.nipops("status", "shop", "--follow", status=1)

    def test_broken(self):
        self.release()
        document = self.next_document()
        with open(document) as text:
            broken = text.read().replace("    requests_per_second: 1000\n", "    requests_per_second: 1000\n"
                                         "    faults: {fail_verbs: {route: 1.0}, fail_for_good: true}\n")
        done = self.nipops("rollout", self.write("broken.yaml", broken), *VIRTUAL, status=4)
        self.assertRegex(done.stdout, r"(?m)^shop-\d+ broken: ")
        self.assertRegex(done.stdout, r"(?m)^  stands   \S+: route failed")
        way_on = r"(?m)^  next     put right what failed, then: nipops abort (shop-\d+) && nipops resume \1$"
        for text in (done.stdout, self.nipops("status", "shop", status=0).stdout):
            self.assertIn("stands", text)
            self.assertRegex(text, way_on)
        self.nipops("status", "shop", "--follow", status=4)

    def test_preflight_refuses(self):
        self.release()
        self.nipops("rollout", self.next_document('{"1.4.0": {missing: true}}'), *VIRTUAL, status=3)
        self.assertEqual(self.as_json("status", "shop")["state"], "stopped")

    def test_nothing_was_released(self):
        self.release()
        for command in ("rollback", "ensure", "retire"):
            self.assertIn("nothing was released", self.nipops(command, "shoe", status=2).stderr)

    def test_left_waiting_and_resumed(self):
        stages = '[{share: 10, duration: 0s, approve: "really?"}, {share: 100, duration: 0s}]'
        self.release()
        store = ("--store", os.path.join(self.folder, "state/nipops/nipops.db"))
        done = self.nipops("rollout", self.next_document(stages=stages), "--detach", *store, *VIRTUAL, status=5)
        self.assertIn(f"nipops approve {self.newest()} --store", done.stdout)
        self.assertIn(f"nipops resume {self.newest()} --store", done.stderr)
        self.nipops("rollout", self.next_document(), *VIRTUAL, status=3)
        self.assertIn("by nobody", self.nipops("status", status=0).stdout)
        self.assertEqual(self.as_json("approve", "shop")["driven"], False)
        results = self.as_json("resume", "--all", *VIRTUAL)
        self.assertEqual([result["state"] for result in results], ["succeeded"])

    def test_no_detaching_from_a_guard(self):
        self.release()
        stages = '[{share: 10, duration: 2s}, {share: 100, duration: 0s}]'
        process = self.start("rollout", self.next_document(stages=stages), "--detach")
        self.wait_for_line(process, "stays")
        self.nipops("pause", "shop", status=0)
        self.assertIn("--detach is refused while a guard watches", process.stderr.readline())
        self.nipops("promote", "shop", status=0)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_journal(self):
        self.release()
        text = self.nipops("journal", "shop", status=0).stdout
        self.assertRegex(text, r"(?m)^\S+Z shop-1 planned: ")
        self.assertGreater(len(self.nipops("journal", "shop", "--all", status=0).stdout), len(text))
        records = self.as_json("journal", "shop")
        self.assertEqual([record["sequence"] for record in records], list(range(1, len(records) + 1)))
        self.assertEqual(self.as_json("journal", "shop", "--run", "shop-9"), [])
        head = self.write("head", self.nipops("journal", "shop", "--head", status=0).stdout)
        self.assertIn("intact", self.nipops("journal", "shop", "--verify", status=0).stdout)
        self.assertEqual(self.as_json("journal", "shop", "--verify", "--expect", head)["head"], "matches")
        self.cut_tail()
        self.assertIn("intact", self.nipops("journal", "shop", "--verify", status=0).stdout)
        self.nipops("journal", "shop", "--verify", "--expect", head, status=4)

    def test_journal_for_people_masks_secrets(self):
        told = canary().replace("http://{endpoint}/health\"", "http://u:hidden-1@{endpoint}/health\", headers: {x-token: hidden-2}")
        self.nipops("rollout", self.write("first.yaml", told), *VIRTUAL, status=0)
        self.assertIn("hidden-1", json.dumps(self.as_json("journal", "shop")))  # what is run stands there
        text = self.nipops("journal", "shop", "--all", status=0).stdout
        self.assertNotIn("hidden", text)
        self.assertRegex(text, r'(?m) intends check/http for until \{"groups":\{.*\},"url":"http://u:\*\*\*@\{endpoint\}/health","headers":\{"x-token":"\*\*\*"\}.*\}$')

    def test_a_name_without_a_journal_is_no_good_news(self):
        self.assertRegex(self.nipops("list", status=0).stdout, r"^no runs yet in sqlite:\S+\n$")
        self.release()
        for options in ((), ("--all",), ("--verify",), ("--head",), ("--run", "shop-1")):
            with self.subTest(options=options):
                done = self.nipops("journal", "shpo", *options, status=2)
                self.assertEqual(done.stdout, "")
                self.assertRegex(done.stderr, r"^nipops: shpo: nothing is kept under this name in sqlite:\S+; see: nipops list\n$")
                self.assertIn("shpo", self.as_json("journal", "shpo", *options, status=2)["error"]["message"])
        self.assertRegex(self.nipops("list", "shpo", status=0).stdout, r"^no runs of shpo yet in sqlite:\S+\n$")
        head = self.write("head", '{"subject": "gone", "sequence": 3, "hash": "%s"}' % ("a" * 64))
        self.assertIn("missing", self.nipops("journal", "gone", "--verify", "--expect", head, status=4).stdout)
        self.assertIn("no head", self.nipops("journal", "shop", "--verify", "--expect", self.write("not", "{}"), status=2).stderr)

    @unittest.skipIf(os.geteuid() != 0, "only root can become somebody else")
    def test_a_store_of_somebody_else(self):
        self.release()
        os.chmod(self.folder, 0o755)
        store = os.path.join(self.folder, "state/nipops/nipops.db")
        for command in (["list"], ["status", "shop"], ["journal", "shop"]):
            with self.subTest(command=command):
                done = self.nipops(*command, "--store", store, status=1, user=65534, group=65534, extra_groups=[])
                self.assertIn("Permission denied", done.stderr)
                self.assertEqual(done.stdout, "")
        self.nipops("health", "tcp://127.0.0.1:1", "--timeout", "100ms", status=1, user=65534, group=65534, extra_groups=[])

    def cut_tail(self):
        with sqlite3.connect(os.path.join(self.folder, "state/nipops/nipops.db")) as store:
            tables = [row[0] for row in store.execute("select name from sqlite_master where type = 'table'")]
            table = next(name for name in tables if "record" in name)
            store.execute(f"delete from {table} where sequence = (select max(sequence) from {table})")
        store.close()


LONG = '[{share: 10, duration: 10m}, {share: 100, duration: 0s}]'


class Signals(Case):
    """With the real clock: a run that stands in a long stage is interrupted."""

    def begin(self, stages=LONG, *options):
        self.release()
        return self.start("rollout", self.next_document(stages=stages), *options)

    def finish(self, process, status):
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, status, out + err)
        return out, err

    def test_interrupt_takes_it_back(self):
        process = self.begin()
        self.wait_for_line(process, "stays")
        process.send_signal(signal.SIGINT)
        out, err = self.finish(process, 130)
        self.assertIn("asked to go back", err)
        self.assertIn(self.newest() + " returned", out)
        self.assertEqual(self.as_json("status", "shop")["state"], "returned")

    def test_second_interrupt_leaves(self):
        process = self.begin()
        self.wait_for_line(process, "stays")
        process.send_signal(signal.SIGINT)
        self.assertIn("asked to go back", process.stderr.readline())
        process.send_signal(signal.SIGINT)
        _, err = self.finish(process, 130)
        if "nipops resume shop-" not in err:  # it had gone back before the second one came
            self.assertEqual(self.as_json("status", "shop")["state"], "returned")

    def test_term_leaves_and_hangup_does_not(self):
        process = self.begin()
        self.wait_for_line(process, "stays")
        process.send_signal(signal.SIGHUP)
        self.wait_for_line(process, "guard")
        self.assertIsNone(process.poll())
        process.send_signal(signal.SIGTERM)
        _, err = self.finish(process, 130)
        self.assertIn(f"nipops resume {self.newest()}", err)
        self.assertEqual(self.as_json("status", "shop")["state"], "waiting")
        self.assertIn("by nobody", self.nipops("status", "shop", status=0).stdout)
        done = self.nipops("pause", "shop", "--by", "eve", "--reason", "look", status=0)
        self.assertIn(f"nothing drives run {self.newest()}: nipops resume {self.newest()}", done.stderr)

    def test_another_holder(self):
        process = self.begin()
        self.wait_for_line(process, "stays")
        self.nipops("resume", self.newest(), status=6)
        self.nipops("rollout", self.next_document(), "--image-tag", "1.5.0", status=6)
        self.assertIn("driven   by process", self.nipops("status", "shop", status=0).stdout)

    def test_requests_from_elsewhere(self):
        process = self.begin()
        self.wait_for_line(process, "stays")
        self.assertTrue(self.as_json("pause", "shop", "--by", "eve")["driven"])
        self.wait_for_line(process, "paused")
        self.nipops("promote", "shop", "--by", "eve", status=0)
        self.wait_for_line(process, "goes on")
        self.nipops("abort", "shop", "--by", "eve", "--reason", "enough " + "ä" * 50000, status=0)
        out, _ = self.finish(process, 1)
        self.assertIn("eve asks: abort: enough", out)
        lines = self.nipops("journal", "shop", "--all", status=0).stdout.splitlines()
        self.assertLess(max(map(len, lines)), 1200)
        self.assertTrue(any(line.endswith("ä ... (--json has all of it)") for line in lines))

    def test_approval_and_hostile_text(self):
        stages = r'[{share: 10, duration: 0s}, {share: 100, duration: 0s, approve: "all of it?\e[2J\a"}]'
        process = self.begin(stages)
        self.assertIn("all of it??[2J?", self.wait_for_line(process, "waits for an approval"))
        self.nipops("approve", "shop", status=0)
        self.finish(process, 0)

    def test_follow(self):
        process = self.begin()
        self.wait_for_line(process, "stays")
        follower = self.start("status", "shop", "--follow", "--json")
        self.wait_for_line(follower, "step.waiting")
        self.nipops("abort", "shop", status=0)
        out, err = self.finish(follower, 1)
        self.assertEqual(json.loads(out.splitlines()[-1])["kind"], "run.ended", err)
        self.finish(process, 1)


class Terminals(Case):
    """Under a pseudo-terminal of 60 columns."""

    COLUMNS = 60

    def run_on_terminal(self, *arguments):
        import fcntl
        import struct
        import termios

        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, self.COLUMNS, 0, 0))
        before = termios.tcgetattr(slave)
        process = subprocess.Popen([NIPOPS, *arguments], env=self.env, cwd=self.folder, stdin=slave, stdout=slave, stderr=slave)
        self.addCleanup(os.close, master)
        output, end = b"", time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < end:
            if select.select([master], [], [], 0.1)[0]:
                output += os.read(master, 65536)
        while select.select([master], [], [], 0.1)[0]:
            output += os.read(master, 65536)
        self.assertEqual(termios.tcgetattr(slave), before)
        os.close(slave)
        return process.wait(), output.decode()

    def test_live_view(self):
        self.release()
        status, output = self.run_on_terminal("rollout", self.next_document())
        self.assertEqual(status, 0, output)
        for part in ("\x1b[32m", "traffic", "healthy", "error_rate", "left", "[x]", "succeeded"):
            self.assertIn(part, output)
        self.assertNotIn("\x1b[?", output)  # no mode was changed that would have to be given back
        views = re.findall(r"\x1b\[\d+A\r\x1b\[J((?:[^\n]*\n)+?)(?=\x1b\[\d+A|\Z)", output)
        drawn = [re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip() for view in views[:-1] for line in view.splitlines()]
        wide = [line for line in drawn if len(line) >= self.COLUMNS and not re.match(r"\d{4}-", line)]
        self.assertEqual(wide, [])

    def test_no_color(self):
        self.release()
        self.env["NO_COLOR"] = "1"
        status, output = self.run_on_terminal("rollout", self.next_document())
        self.assertEqual(status, 0, output)
        self.assertIsNone(re.search(r"\x1b\[[0-9;]*m", output))

    def test_dumb(self):
        self.release()
        self.env["TERM"] = "dumb"
        status, output = self.run_on_terminal("rollout", self.next_document())
        self.assertEqual(status, 0, output)
        self.assertNotIn("\x1b", output)


class Healthy(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


class Health(Case):
    def setUp(self):
        super().setUp()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"

    def test_healthy(self):
        done = self.nipops("health", self.url, "--timeout", "20s", "--interval", "200ms", status=0)
        self.assertRegex(done.stdout, r"^healthy   \S+  (1 try|\d+ tries), \S+ ms\n1 healthy, 0 unhealthy\n$")
        document = self.write("health.yaml", f"health: {{targets: ['{self.url}'], interval: 200ms, timeout: 20s}}\n")
        self.assertEqual(self.as_json("health", document)["healthy"], 1)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "state")))

    def test_unhealthy(self):
        done = self.nipops("health", self.url, "tcp://127.0.0.1:1", "--timeout", "1s", "--interval", "200ms", status=1)
        self.assertIn("1 healthy, 1 unhealthy", done.stdout)
        self.assertIn("tcp://127.0.0.1:1", done.stdout)
        self.nipops("health", self.url, "--status", "204", "--timeout", "1s", "--interval", "200ms", status=1)
        self.nipops("health", self.url, "--timeout", "soon", status=2)

    def test_one_failed_try_says_why(self):
        done = self.nipops("health", "tcp://127.0.0.1:1", "--timeout", "1s", "--interval", "1s", status=1)
        self.assertIn("unhealthy tcp://127.0.0.1:1  connection_refused: connect to tcp://127.0.0.1:1: connection refused\n", done.stdout)
        done = self.nipops("health", self.silent(), "--timeout", "1s", "--interval", "5s", status=1)
        self.assertRegex(done.stdout, "  timeout: .")

    def test_what_was_not_tried_is_unknown(self):
        document = self.write("one.yaml", f"health: {{targets: ['{self.silent()}', '{self.url}'], in_flight: 1, interval: 1s, timeout: 1s}}\n")
        done = self.nipops("health", document, status=1)
        self.assertIn("0 healthy, 1 unhealthy, 1 unknown", done.stdout)
        self.assertIn(f"unknown   {self.url}  was not tried", done.stdout)

    def silent(self):
        """Takes connections and never answers."""
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        return f"http://127.0.0.1:{server.getsockname()[1]}/"


if __name__ == "__main__":
    NIPOPS = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
