#!/usr/bin/python3
"""The Python examples as their users meet them: usage, plans, outcomes, signals, the README's commands. With HAPROXY also for real.

usage: example_python.py SOURCE BUILD [HAPROXY]
"""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import ports

SOURCE = BUILD = pathlib.Path()
HAPROXY = ""
PATIENCE = 120  # seconds; only a test that hangs waits as long

ROLLOUT = """\
rollout:
  app: shop
  artifact: "1.0.0"
  target: {driver: sim, world: shop, start_delay: 100ms, stop_delay: 100ms, sessions_drain: 100ms, %s}
  router: {driver: sim, world: shop}
  metrics: {driver: sim, world: shop}
  health: {url: "http://{endpoint}/health", interval: 200ms, timeout: 30s}
"""
SLOW = "step_delay: 1s"  # of three instances that are started; nothing of them is there for the process that resumes


class Case(unittest.TestCase):
    """A folder of its own for every test, with a copy of the examples; users' state is not touched."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="nipops-example-")
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)
        shutil.copytree(SOURCE / "examples", self.folder / "examples", ignore=shutil.ignore_patterns("__pycache__"))
        self.examples = self.folder / "examples" / "python"
        self.env = dict(os.environ, PYTHONPATH=str(SOURCE / "bindings" / "python"), PYTHONDONTWRITEBYTECODE="1",
                        NIPOPS_LIBRARY=str(BUILD / "libnipops" / "libnipops.so.0"))

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def popen(self, argv):
        process = subprocess.Popen(argv, env=self.env, cwd=self.examples, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def finish(self, process, status):
        out, err = process.communicate(timeout=PATIENCE)
        self.assertEqual(process.returncode, status, out + err)
        self.assertNotIn("Traceback", err)
        self.assertNotIn("Warning", err)
        return out, err

    def start(self, program, *arguments):
        return self.popen([sys.executable, "-X", "dev", "-W", "error", program, *arguments])

    def deploy(self, *arguments, status=0):
        return self.finish(self.start("production_deployment.py", *arguments), status)

    def wait_for(self, process, part):
        """Reads stdout until a line has `part`."""
        seen = []
        for line in process.stdout:
            seen.append(line)
            if part in line:
                return "".join(seen)
        self.fail("ended with %d before a line with %r:\n%s%s" % (process.wait(), part, "".join(seen), process.stderr.read()))

    def document(self, world="seed: 1"):
        return self.write("rollout.yaml", ROLLOUT % world)


class Usage(Case):
    WRONG = (
        ([], "--image-tag"),
        (["--image-tag", "1", "--strategy", "shadow"], "strategy shadow needs recorded requests"),
        (["--image-tag", "1", "--strategy", "wild"], "'rolling', 'blue_green', 'canary', 'shadow'"),
        (["--image-tag", "1", "--replicas", "many"], "--replicas"),
        (["--image-tag", "1", "--replicas", "0"], "/rollout/replicas"),
        (["--image-tag", "1", "--health-check-url", "http://127.0.0.1/health"], "it must contain {endpoint}"),
        (["--image-tag", "1", "--strategy", "canary", "--canary-percentage", "101"], "101"),
        (["--image-tag", "1", "--namespace", "a/b"], "a/b.shop"),
        (["--image-tag", "1", "--stratgy", "rolling"], "--stratgy"),
        (["--image-tag", "1", "surplus"], "surplus"),
    )

    def test_wrong_options(self):
        document = self.document()
        for arguments, message in self.WRONG:
            with self.subTest(arguments=arguments):
                out, err = self.deploy("--config", document, *arguments, status=2)
                self.assertEqual(out, "")
                self.assertIn(message, err)
        self.assertFalse((self.examples / "state.db").exists() and any(self.runs()))

    def test_wrong_documents(self):
        for text, message in (("rollout: [", "line"), ("rollout: {app: shop}\n", "/rollout/target"), ("- 1\n", ""), ("{}\n", "")):
            with self.subTest(text=text):
                _, err = self.deploy("--config", self.write("wrong.yaml", text), "--image-tag", "1", status=2)
                self.assertIn("error: ", err)
        self.assertIn("does not exist", self.deploy("--config", "nowhere.yaml", "--image-tag", "1", status=2)[1])
        rolling = self.write("rolling.yaml", (ROLLOUT % SLOW) + "  strategy: rolling\n")
        self.assertIn('must be "canary"', self.finish(self.start("canary_promoter.py", "--config", rolling), 2)[1])
        self.assertIn("does not exist", self.finish(self.start("canary_promoter.py"), 2)[1])

    def test_help(self):
        out, _ = self.deploy("--help")
        for option in "strategy image-tag namespace replicas health-check-url canary-percentage config store dry-run".split():
            self.assertIn("--" + option + " ", out)
        self.assertIn("--config", self.finish(self.start("canary_promoter.py", "--help"), 0)[0])

    def runs(self):
        listed = subprocess.run([BUILD / "bindings" / "cli" / "nipops", "list", "--json", "--store", self.examples / "state.db"],
                                stdout=subprocess.PIPE, text=True, timeout=PATIENCE, check=True)
        return re.findall(r'"run"', listed.stdout)


class DryRun(Case):
    def test_options_replace_the_document(self):
        out, _ = self.deploy("--config", self.document(), "--image-tag", "1.30", "--replicas", "5", "--namespace", "blue",
                             "--health-check-url", "/alive", "--dry-run")
        for part in ("first release of blue.shop: 1.30", "start 5 instances of 1.30", '"http://{endpoint}/alive"', "The way back"):
            self.assertIn(part, out)
        self.assertFalse((self.examples / "state.db").exists())

    def test_first_share(self):
        nested = ROLLOUT % 'initial: {"1.0.0": 3}' + "  strategy: canary\n  canary: {stages: [{share: 10}, {percentage: 100}]}\n"
        flat = (self.examples / "simulated-canary.yaml").read_text()
        self.deploy("--config", self.document(), "--image-tag", "1.0.0")
        for text in (nested, nested.replace("share: 10", "percentage: 10"), flat):
            document = self.write("next.yaml", text)
            for share in ("5", "34"):
                out, _ = self.deploy("--config", document, "--image-tag", "2", "--canary-percentage", share, "--dry-run")
                self.assertIn("route %s %% to 2," % share, out)

    def test_version_follows_the_artifact(self):
        document = self.write("named.yaml", ROLLOUT % "seed: 1" + '  version: "0.9"\n')
        out, _ = self.deploy("--config", document, "--image-tag", "2", "--dry-run")
        self.assertIn("first release of shop: 2\n", out)


class Outcomes(Case):
    def test_broken(self):
        document = self.document("faults: {fail_verbs: {route: 1}, fail_for_good: true}")
        out, _ = self.deploy("--config", document, "--image-tag", "1", status=4)
        self.assertIn("shop-1 broken", out)

    def test_stopped(self):
        out, _ = self.deploy("--config", self.document('versions: {"9": {missing: true}}'), "--image-tag", "9", status=3)
        self.assertIn("shop-1 stopped", out)

    def test_nothing_to_do(self):
        self.deploy("--config", self.document(), "--image-tag", "1")
        out, err = self.deploy("--config", self.document(), "--image-tag", "1", status=3)
        self.assertEqual((out, err.startswith("error: 1 of shop is released already")), ("", True), err)

    def test_aborted_from_elsewhere(self):
        process = self.start("production_deployment.py", "--config", self.document(SLOW), "--image-tag", "1")
        self.wait_for(process, "start 3 instances")
        subprocess.run([BUILD / "bindings" / "cli" / "nipops", "abort", "shop", "--by", "eve", "--store", self.examples / "state.db"],
                       stdout=subprocess.DEVNULL, timeout=PATIENCE, check=True)
        out, _ = self.finish(process, 1)
        self.assertIn("eve asks: abort", out)
        self.assertIn("shop-1 returned", out)


class Interrupted(Case):
    def interrupt(self, program, number, *arguments):
        process = self.start(program, *arguments)
        self.wait_for(process, "start 3 instances")
        began = time.monotonic()
        process.send_signal(number)
        _, err = self.finish(process, 130)
        took = time.monotonic() - began
        print("%s: ended %.2f s after %s" % (program, took, signal.Signals(number).name))
        self.assertLess(took, 5)
        self.assertEqual(err, "shop-1: left as it is; the same command goes on with it\n")

    def test_deployer_goes_on(self):
        arguments = ("--config", self.document(SLOW), "--image-tag", "2")
        for number in (signal.SIGINT, signal.SIGTERM):
            self.interrupt("production_deployment.py", number, *arguments)
        _, err = self.deploy("--config", self.document(SLOW), "--image-tag", "3", status=3)
        self.assertIn("shop-1, which releases 2, is not over", err)
        self.assertIn("shop-1 is not over", self.deploy(*arguments, "--dry-run")[0])
        out, _ = self.deploy(*arguments)
        self.assertIn("goes on with: start 3 instances of 2", out)
        self.assertIn("shop-1 succeeded", out)

    def test_a_finalizer_loses_no_interrupt(self):
        code = ("import time\nfrom exit_status import exiting\nclass Gone:\n    def __del__(self):\n        raise KeyboardInterrupt\n"
                "with exiting():\n    gone = Gone()\n    del gone\n    time.sleep(30)\n")
        done = subprocess.run([sys.executable, "-c", code], cwd=self.examples, env=self.env, capture_output=True, text=True, timeout=PATIENCE)
        self.assertEqual((done.returncode, done.stderr), (130, ""))

    def test_promoter_goes_on(self):
        document = self.write("canary.yaml", (ROLLOUT % SLOW) + "  strategy: canary\n")
        self.interrupt("canary_promoter.py", signal.SIGINT, "--config", document)
        out, _ = self.finish(self.start("canary_promoter.py", "--config", document), 0)
        self.assertIn("goes on with: start 3 instances of 1.0.0", out)
        self.assertIn("shop-1 succeeded", out)

    def test_another_process_drives(self):
        arguments = ("--config", self.document(SLOW), "--image-tag", "2")
        process = self.start("production_deployment.py", *arguments)
        self.wait_for(process, "start 3 instances")
        self.deploy(*arguments, status=6)
        self.assertIn("shop-1 succeeded", self.finish(process, 0)[0])

    def test_lease_is_taken_over(self):
        process = self.start("production_deployment.py", "--config", self.document(SLOW), "--image-tag", "2")
        self.wait_for(process, "start 3 instances")
        with contextlib.closing(sqlite3.connect(self.examples / "state.db", timeout=PATIENCE)) as store, store:
            store.execute("UPDATE lease SET epoch = epoch + 1")
        _, err = self.finish(process, 6)
        self.assertIn("shop-1: left as it is", err)
        self.assertIn("error: ", err)


class Readme(Case):
    """The commands to paste, as they stand there."""

    def setUp(self):
        super().setUp()
        python = self.folder / "bin" / "python3"
        python.parent.mkdir()
        python.write_text('#!/bin/sh\nexec "%s" "$@"\n' % sys.executable)
        python.chmod(0o755)
        self.env["PATH"] = "%s:%s" % (python.parent, os.environ["PATH"])
        self.blocks = re.findall(r"^```sh\n(.*?)^```$", (self.examples / "README.md").read_text(), flags=re.S | re.M)

    def paste(self, command, status=0):
        return self.finish(self.popen(["sh", "-c", command]), status)[0]

    def test_simulated(self):
        first, faulty, promoted = self.blocks[0].splitlines()
        self.assertIn("shop-1 succeeded", self.paste(first))
        out = self.paste(faulty, 1)
        self.assertRegex(out, r"guard guard-10: fail: error_rate [0-9.]+ % \(at most 0.5 %\)")
        self.assertIn("returned: canary of shop: 1.0.0 to 1.4.1", out)
        out = self.paste(promoted)
        for share in (10, 50, 100):
            self.assertIn("guard guard-%d: pass" % share, out)
        self.assertIn("succeeded: canary of shop: 1.0.0 to 1.4.0", out)

    def real_block(self):
        first = ports.take(41)
        self.addCleanup(ports.give_back, first)
        port, last = first + 40, first + 39
        block = self.blocks[1].replace("port=8080 ports=9100-9139", "port=%d ports=%d-%d" % (port, first, last))
        folder = self.folder / "scene"
        folder.mkdir()
        self.addCleanup(stop_scene, folder)
        return block.replace("$(mktemp -d)", str(folder)).splitlines(), folder, port

    def test_real(self):
        if not HAPROXY:
            self.skipTest("no HAPROXY given")
        block, _, _ = self.real_block()
        out = self.paste("set -e\n" + "\n".join(block))
        self.assertIn("succeeded: first release of shop: 1.0.0", out)
        self.assertIn("succeeded: rolling update of shop: 1.0.0 to 1.1.0", out)
        self.assertEqual(out.split()[-1], "1.1.0")

    def test_real_run_is_left_and_goes_on(self):
        if not HAPROXY:
            self.skipTest("no HAPROXY given")
        block, folder, port = self.real_block()
        begin = next(i for i, line in enumerate(block) if line.startswith("python3"))
        self.paste("set -e\n" + "\n".join(block[:begin + 1]))
        arguments = ("--config", str(folder / "rollout.yaml"), "--store", str(folder / "state.db"), "--image-tag", "1.1.0",
                     "--strategy", "rolling")
        process = self.start("production_deployment.py", *arguments)
        self.wait_for(process, "route traffic to 1 instance of 1.1.0")
        process.send_signal(signal.SIGTERM)
        _, err = self.finish(process, 130)
        self.assertIn("left as it is", err)
        out, _ = self.deploy(*arguments)
        self.assertIn("goes on with: ", out)
        self.assertIn("succeeded", out)
        with urllib.request.urlopen("http://127.0.0.1:%d/" % port, timeout=PATIENCE) as reply:
            self.assertEqual(reply.read(), b"1.1.0\n")
        self.assertEqual(len(list((folder / "pids").iterdir())), 3)


class Types(Case):
    def test_strict(self):
        mypy = shutil.which("mypy")
        if mypy is None:
            self.skipTest("no mypy")
        self.env["MYPYPATH"] = self.env.pop("PYTHONPATH")
        files = sorted(file.name for file in self.examples.glob("*.py"))
        self.finish(self.popen([mypy, "--strict", "--cache-dir", str(self.folder / "mypy"), *files]), 0)


def stop_scene(folder):
    """Ends HAProxy and the app's processes, by the ids that they left, and waits until they are gone."""
    marks = folder / "pids"
    pids = [int(mark.name) for mark in marks.iterdir()] if marks.exists() else []
    if (folder / "haproxy.pid").exists():
        pids += [int(pid) for pid in (folder / "haproxy.pid").read_text().split()]
    until = time.monotonic() + PATIENCE
    for pid in pids:
        try:
            os.kill(pid, signal.SIGTERM)
            while time.monotonic() < until:
                os.kill(pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            pass


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    SOURCE, BUILD = (pathlib.Path(folder).resolve() for folder in sys.argv[1:3])
    HAPROXY = sys.argv[3] if len(sys.argv) == 4 else ""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background, and children would inherit that
    unittest.main(argv=sys.argv[:1])
