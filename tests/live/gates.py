#!/usr/bin/python3
"""Runs that wait for people, by the command: other processes answer, the driving process is killed in between.

usage: gates.py PATH-OF-NIPOPS
"""

import http.server
import json
import os
import signal
import sys
import threading
import unittest

import cli

APPROVAL = """\
rollout:
  app: shop
  artifact: "1.0"
  replicas: 2
  strategy: rolling
  target: {driver: sim, world: shop, start_delay: 10ms, stop_delay: 10ms}
  router: {driver: sim, world: shop}
  health: {url: "http://{endpoint}/health", interval: 100ms, timeout: 30s, successes: 1}
  roles: {sre: [carol, dave, eve], boss: zoe}
  approve: {ask: "release it?", role: sre, count: COUNT}
"""


class Approvals(cli.Case):
    def document(self, count=1):
        return self.write("rollout.yaml", APPROVAL.replace("COUNT", str(count)))

    def asking(self, count=1):
        """A rollout that waits for `count` approvals, and its process."""
        process = self.start("rollout", self.document(count))
        self.wait_for_line(process, "waits for an approval")
        return process

    def test_documents_are_checked(self):
        for change, says in (("role: nobody", "there is no role"), ("role: sre, count: 4", "has only 3"), ("role: sre, cuont: 1", "count")):
            path = self.write("wrong.yaml", APPROVAL.replace("role: sre, count: COUNT", change))
            with self.subTest(change=change):
                self.assertIn(says, self.nipops("check", path, status=2).stderr)
        path = self.write("wrong.yaml", APPROVAL.replace("[carol, dave, eve]", "[carol, dave, carol]").replace("COUNT", "1"))
        self.assertIn("names carol twice", self.nipops("check", path, status=2).stderr)

    def test_the_plan_says_who_is_asked(self):
        plan = self.nipops("plan", self.document(2), status=0).stdout
        self.assertIn("2 of sre approve the release of 1.0 [approve]", plan)
        self.assertIn('"members":["carol","dave","eve"]', plan)

    def test_another_process_approves(self):
        process = self.asking(2)
        self.assertIn('nipops_run_waiting{app="shop",run="shop-1",for="approval"} 1', self.nipops("metrics", status=0).stdout)
        wrong = self.nipops("approve", "shop", "--by", "zoe", status=2)
        self.assertIn("zoe may not approve step approve of run shop-1: that is for sre, who are carol, dave, eve", wrong.stderr)
        self.assertIn("1 more wanted", self.nipops("approve", "shop", "--by", "carol", "--reason", "looks fine", status=0).stdout)
        self.assertIn("already", self.nipops("approve", "shop", "--by", "carol", status=3).stderr)
        status = self.nipops("status", "shop", status=0).stdout
        self.assertIn("asks     release it?", status)
        self.assertIn("answer   carol: approve: looks fine", status)
        self.assertIn("missing  1 approval by sre", status)
        self.nipops("approve", "shop", "--by", "dave", status=0)
        out, _ = process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("carol approves step approve: looks fine", out)
        self.assertIn("dave approves step approve", out)

    def test_a_rejection_takes_it_back(self):
        process = self.asking(3)
        self.nipops("approve", "shop", "--by", "carol", status=0)
        self.nipops("reject", "shop", "--by", "eve", "--reason", "not today", status=0)
        out, _ = process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 3, out)
        self.assertIn("rejected by eve: not today", out)
        self.assertIn("over (stopped)", self.nipops("approve", "shop", "--by", "dave", status=3).stderr)
        self.assertIn("does not wait", self.nipops("reject", "shop", "--by", "dave", status=3).stderr)

    def test_killed_between_two_approvals(self):
        process = self.asking(2)
        self.nipops("approve", "shop", "--by", "carol", status=0)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=cli.PATIENCE)
        self.assertIn("driven   by nobody", self.nipops("status", "shop", status=0).stdout)
        recorded = self.nipops("approve", "shop", "--by", "dave", status=0)
        self.assertIn("nothing drives run shop-1: nipops resume shop-1", recorded.stderr)
        self.assertIn("succeeded", self.nipops("resume", "shop", status=0).stdout)

    def test_detached_until_somebody_has_answered(self):
        done = self.nipops("rollout", self.document(), "--detach", status=5)
        self.assertIn("release it?", done.stderr)
        self.nipops("resume", "shop", "--detach", status=5)
        self.nipops("approve", "shop", "--by", "eve", status=0)
        self.nipops("resume", "shop", "--detach", status=0)
        status = self.as_json("status", "shop")
        self.assertEqual(status["state"], "succeeded")

    def test_an_abort_ends_the_waiting(self):
        process = self.asking()
        self.nipops("abort", "shop", "--by", "zoe", "--reason", "wrong version", status=0)
        process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 3)


ON_END = """\
rollout:
  app: shop
  artifact: "1.0"
  replicas: 1
  strategy: rolling
  target: {driver: sim, world: shop, start_delay: 10ms, stop_delay: 10ms, versions: VERSIONS}
  router: {driver: sim, world: shop}
  health: {url: "http://{endpoint}/health", interval: 100ms, timeout: 1s, successes: 1}
  on_end: ON_END
"""


class Hook(http.server.BaseHTTPRequestHandler):
    """Answers with the statuses in turn, the last one from then on; 0: not at all."""

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.heard.append((self.path, dict(self.headers), json.loads(body)))
        status = server.statuses.pop(0) if len(server.statuses) > 1 else server.statuses[0]
        if status == 0:
            server.hold.wait(cli.PATIENCE)
            return
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


WINDOW = APPROVAL.replace('  approve: {ask: "release it?", role: sre, count: COUNT}\n', "  windows: WINDOWS\n  window_override: boss\n")
CLOSED = "[{days: [mon], from: '09:00', to: '17:00', zone: Europe/Berlin}]"


class Windows(cli.Case):
    FRIDAY = ("--clock", "virtual:2026-11-27T20:00:00Z")

    def document(self, windows):
        return self.write("rollout.yaml", WINDOW.replace("WINDOWS", windows))

    def test_documents_are_checked(self):
        for windows, says in (("[{zone: Europe/Berlinn}]", "there is no time zone"), ("[{zone: ../../etc/passwd}]", "no name of a time zone"),
                              ("[{from: '25:00'}]", "time of the day"), ("[{days: [monday]}]", "mon")):
            with self.subTest(windows=windows):
                self.assertIn(says, self.nipops("check", self.document(windows), status=2).stderr)

    def test_the_plan_says_when_it_opens(self):
        plan = self.nipops("plan", self.document(CLOSED), *self.FRIDAY, status=0).stdout
        self.assertIn("wait for the window for the release of 1.0: mon 09:00-17:00 Europe/Berlin [window]", plan)
        self.assertIn("opens 2026-11-30T09:00+01:00 (Europe/Berlin)", plan)

    def test_it_waits_until_it_opens(self):
        done = self.nipops("rollout", self.document("[{days: [fri], from: '21:10', to: '22:00', zone: Europe/Berlin}]"), *self.FRIDAY, status=0)
        self.assertIn("waits for the window: opens 2026-11-27T21:10+01:00 (Europe/Berlin)", done.stdout)
        self.assertRegex(done.stdout, r"2026-11-27T20:10:00Z shop-1 step 5/6: start")

    def test_a_person_overrides_it(self):
        document = self.write("rollout.yaml", WINDOW.replace("windows: WINDOWS", "freeze: [{from: 2020-01-01T00:00:00Z, to: 2200-01-01T00:00:00Z, why: rest}]"))
        process = self.start("rollout", document)
        self.assertIn("closed for rest", self.wait_for_line(process, "waits for the window"))
        self.assertIn('for="window"} 1', self.nipops("metrics", status=0).stdout)
        self.assertIn("for the window: opens 2200", self.nipops("status", "shop", status=0).stdout)
        self.assertIn("--reason", self.nipops("override", "shop", "--by", "zoe", status=2).stderr)
        self.assertIn("who are zoe", self.nipops("override", "shop", "--by", "carol", "--reason", "x", status=2).stderr)
        self.nipops("override", "shop", "--by", "zoe", "--reason", "fire", status=0)
        out, _ = process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("zoe overrides the window of step window: fire", out)


class OnEnd(cli.Case):
    def hook(self, *statuses):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hook)
        server.heard, server.statuses, server.hold = [], list(statuses), threading.Event()
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.addCleanup(server.hold.set)
        server.url = "http://127.0.0.1:%d/hook/secret-path" % server.server_address[1]
        return server

    def document(self, on_end, versions="{}"):
        return self.write("rollout.yaml", ON_END.replace("ON_END", json.dumps(on_end)).replace("VERSIONS", versions))

    def rollout(self, on_end, versions="{}", status=0):
        return self.nipops("rollout", self.document(on_end, versions), status=status)

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def test_a_command_gets_the_end(self):
        self.rollout([{"command": ["sh", "-c", "cat > told.json; env > told.env"]}])
        told = json.loads(self.read("told.json"))
        self.assertEqual((told["event"], told["run"], told["state"], told["version"]), ("run.ended", "shop-1", "succeeded", "1.0"))
        self.assertIn("NIPOPS_STATE=succeeded\n", self.read("told.env"))

    def test_ends_that_went_wrong_are_told_too(self):
        commands = [{"command": ["sh", "-c", f"echo $NIPOPS_STATE > {when}"], "when": when} for when in ("returned", "stopped", "succeeded")]
        self.rollout(commands, versions='{"1.0": {never_healthy: true}}', status=1)
        self.assertEqual(self.read("returned"), "returned\n")
        self.assertFalse(os.path.exists(os.path.join(self.folder, "succeeded")))

    def test_500_and_then_200(self):
        hook = self.hook(500, 200)
        self.env["TOKEN"] = "hunter2"
        done = self.rollout([{"url": hook.url, "headers": {"Authorization": {"env": "TOKEN"}}}])
        self.assertEqual(len(hook.heard), 2)
        for path, headers, body in hook.heard:
            self.assertEqual(path, "/hook/secret-path")
            self.assertEqual(headers["Authorization"], "hunter2")
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertEqual(headers["Idempotency-Key"], body["key"])
        self.assertEqual(hook.heard[0][2], hook.heard[1][2])
        self.assertIn("attempt 1: refused", done.stdout)
        self.assertIn("answered 500", done.stdout)
        self.assertIn("told POST http://127.0.0.1", done.stdout)
        everything = self.nipops("journal", "shop", "--all", status=0).stdout + self.nipops("status", "shop", status=0).stdout + done.stdout
        self.assertNotIn("hunter2", everything)
        self.assertNotIn("not told", everything)

    def test_a_body_of_ones_own(self):
        hook = self.hook(204)
        self.rollout([{"url": hook.url, "body": {"text": "{app} {version}: {state} ({run})", "blocks": [1, {"type": "{unknown}"}], "from": "ci", "next": {"after": "1h"}}}])
        self.assertEqual(hook.heard[0][2], {"text": "shop 1.0: succeeded (shop-1)", "blocks": [1, {"type": "{unknown}"}],
                                              "from": "ci", "next": {"after": "1h"}})

    def test_what_hangs_is_late_and_changes_nothing(self):
        hook = self.hook(0)
        done = self.rollout([{"url": hook.url, "timeout": "200ms"}, {"command": ["sleep", "600"], "timeout": "200ms"}])
        self.assertIn("shop-1 succeeded", done.stdout)
        self.assertEqual(done.stdout.count("was not told"), 2)
        self.assertNotIn("secret-path", done.stdout)
        self.assertIn("timeout", done.stdout)
        self.assertIn("was not told", self.nipops("status", "shop", status=0).stdout)

    def test_what_fails_changes_nothing_and_is_told_again_on_resume(self):
        wait = "test -e ready || { echo not yet; exit 7; }"
        done = self.rollout([{"command": ["sh", "-c", wait]}, {"command": ["no-such-program"]}, {"url": {"env": "NO_SUCH_HOOK"}}])
        self.assertIn("exit code 7: not yet", done.stdout)
        self.assertIn("NO_SUCH_HOOK is not set", done.stdout)
        self.write("ready", "")
        again = self.nipops("resume", "--all", status=0).stdout
        self.assertIn("told sh", again)
        self.assertIn("given up", again)
        self.assertIn("nothing to resume", self.nipops("resume", "--all", status=0).stdout)

    def test_killed_between_the_end_and_the_delivery(self):
        """The first to be told kills the command that tells it."""
        kill = "test -e dead || { touch dead; kill -9 $PPID; exit 1; }; echo $NIPOPS_KEY >> keys"
        process = self.start("rollout", self.document([{"command": ["sh", "-c", kill]}]))
        process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, -signal.SIGKILL)
        self.assertEqual(self.as_json("status", "shop")["state"], "succeeded")
        self.assertIn("was not told", self.nipops("status", "shop", status=0).stdout)
        self.assertIn("told sh", self.nipops("resume", "--all", status=0).stdout)
        self.assertRegex(self.read("keys"), r"^shop-1/\d+/1\n$")
        self.assertIn("nothing to resume", self.nipops("resume", "--all", status=0).stdout)

    ILL = '{"1.0": {never_healthy: true}}'

    def test_the_next_rollout_tells_what_a_killed_one_left(self):
        """Also when its own document tells nobody; and no run in between hides it."""
        kill = "test -e dead || { touch dead; kill -9 $PPID; exit 1; }; echo $NIPOPS_KEY >> keys"
        process = self.start("rollout", self.document([{"command": ["sh", "-c", kill]}], self.ILL))
        process.communicate(timeout=cli.PATIENCE)
        self.assertEqual([(d["run"], d["outcome"]) for d in self.as_json("status", "shop")["untold"]], [("shop-1", "pending")])
        self.assertIn("was not told; again by: nipops resume shop-1", self.nipops("status", "shop", status=0).stdout)
        self.assertIn("told sh", self.rollout([]).stdout)
        self.assertRegex(self.read("keys"), r"^shop-1/\d+/1\n$")
        self.assertEqual(self.as_json("status", "shop")["untold"], [])
        self.assertIn("nothing to resume", self.nipops("resume", "--all", status=0).stdout)
        self.assertRegex(self.read("keys"), r"^shop-1/\d+/1\n$")

    def test_hints_name_the_run_that_can_be_taken_up(self):
        """A run that is history cannot: the latest one tells of it."""
        self.rollout([{"command": ["test", "-e", "ready"]}], self.ILL, status=1)
        self.rollout([], self.ILL, status=1)  # the attempts left: six in all
        latest = self.as_json("status", "shop")["run"]
        status = self.nipops("status", "shop", status=0).stdout
        self.assertIn(f"test was not told of run shop-1: test: exit code 1; given up; once more: nipops resume {latest}", status)
        self.assertIn(f"once more: nipops resume {latest}", self.nipops("status", "shop-1", status=0).stdout)
        self.assertIn("nothing to resume", self.nipops("resume", "--all", status=0).stdout)
        self.nipops("resume", "shop-1", status=3)
        self.write("ready", "")
        self.assertIn("told test", self.nipops("resume", latest, status=1).stdout)
        self.assertNotIn("was not told", self.nipops("status", "shop", status=0).stdout)

    def test_sigterm_while_telling_leaves_the_outcome_as_it_is(self):
        hook = self.hook(0)
        process = self.start("rollout", self.document([{"url": hook.url, "timeout": "300s"}]))
        while not hook.heard:
            if process.poll() is not None:
                self.fail(process.communicate())
        process.terminate()
        out, _ = process.communicate(timeout=cli.PATIENCE)
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("shop-1 succeeded", out)
        self.assertIn("was not told", out)


if __name__ == "__main__":
    cli.NIPOPS = os.path.abspath(sys.argv.pop(1))
    unittest.main()
