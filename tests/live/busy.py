#!/usr/bin/env python3
"""A new version arrives while a run is under way: several commands at once on real processes behind a real HAProxy. They queue, supersede, begin
again, give way; commands are killed by kill -9 while they wait, and while they take a run back, after each of many effects on the outside.
At the end one version has all the traffic and all the instances, and nobody is left in the queue.

usage: busy.py NIPOPS PRELOAD HAPROXY
"""
import concurrent.futures, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, time, unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import ports
PYTHON = "/usr/bin/python3"
NIPOPS = PRELOAD = HAPROXY = ""

CONFIG = """
global
    stats socket {folder}/ha.sock mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    option redispatch
frontend fe
    bind 127.0.0.1:{port}
    default_backend shop
backend shop
    balance roundrobin
    server-template s 1-10 127.0.0.1:1 disabled
"""

DOCUMENT = """
rollout:
  app: shop
  artifact: "{version}"
  replicas: 2
  strategy: canary
  target:
    driver: local
    command: [{python}, -SE, {app}, "{{port}}", "{{version}}", {folder}]
    ports: {first}-{last}
    stop_grace: 2s
    start_timeout: 5s
  router: {{driver: haproxy, socket: {folder}/ha.sock, backend: shop}}
  health: {{url: "http://{{endpoint}}/health", expect: {{status: 200}}, interval: 100ms, timeout: 20s, try_timeout: 2s}}
  canary:
    stages: [{{share: 50, duration: {stage}}}, {{share: 100, duration: 100ms}}]
  drain_timeout: 2s
"""

def until(condition, what):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("not within a minute: " + what)


class Scene:
    """HAProxy, a store, and version 1.0 released."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-busy."))
        self.first = ports.take(14)
        self.commands = []
        (self.folder / "ha.cfg").write_text(CONFIG.format(folder=self.folder, port=self.first + 13))
        self.haproxy = subprocess.Popen([HAPROXY, "-db", "-f", self.folder / "ha.cfg"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(lambda: (self.folder / "ha.sock").exists(), "HAProxy")
        self.must("rollout", self.document("1.0"))

    def document(self, version, stage="100ms"):
        path = self.folder / f"{version}-{stage}.yaml"
        path.write_text(DOCUMENT.format(version=version, python=PYTHON, app=HERE / "small_app.py", folder=self.folder, first=self.first,
                                        last=self.first + 12, stage=stage))
        return path

    def start(self, *arguments, kill_after=None):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"), LC_ALL="C")
        if kill_after is not None:
            env.update(LD_PRELOAD=PRELOAD, KILL_AFTER=str(kill_after), KILL_LOG="/dev/null")
        process = subprocess.Popen([NIPOPS, *map(str, arguments)], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.commands.append(process)
        return process

    @staticmethod
    def end(process, *codes):
        said, _ = process.communicate(timeout=120)
        if process.returncode not in codes:
            raise AssertionError(f"exit {process.returncode}, wanted {codes}\n{said}")
        return said

    def must(self, *arguments, codes=(0,)):
        return self.end(self.start(*arguments), *codes)

    def under_way(self, version="1.1", stage="60s"):
        """A canary at half the traffic that goes on for longer than any test."""
        process = self.start("rollout", self.document(version, stage))
        until(lambda: self.status().get("state") == "waiting", "the canary at its stage")
        return process

    def status(self):
        return json.loads(self.must("status", "shop", "--json"))

    def queue(self):
        return [line.split()[1] for line in self.must("status", "shop").splitlines() if line.strip().startswith("queued")]

    def instances(self):
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                arguments = (entry / "cmdline").read_text().split("\0") if entry.name.isdigit() else []
                if len(arguments) > 5 and arguments[2].endswith("small_app.py") and arguments[5] == str(self.folder):
                    if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                        found[int(entry.name)] = (arguments[4], int(arguments[3]))
            except (OSError, IndexError):
                pass
        return found

    def stands(self):
        """Which versions run how often, and which get traffic."""
        running = self.instances()
        version_of = {port: version for version, port in running.values()}
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.folder / "ha.sock"))
            s.sendall(b"show servers state shop\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        rows = [line.split() for line in text.splitlines()[2:] if line.strip()]
        served = sorted(version_of.get(int(r[18]), "nobody") for r in rows if not int(r[6]) & 0x19 and int(r[7]) > 0)  # neither in maintenance nor in drain
        return sorted(version for version, _ in running.values()), served

    def whole(self, *versions):
        """One version has it all, and it is the one that the record names."""
        stands = self.stands()
        version = self.status()["release"]["version"]
        if version not in versions or stands != ([version] * 2, [version] * 2):
            raise AssertionError(f"released {version}, wanted {versions}; instances and traffic {stands}")
        if self.queue():
            raise AssertionError(f"still queued: {self.queue()}")
        return version

    def close(self):
        for process in self.commands:
            if process.poll() is None:
                process.kill()
                process.communicate()
            process.stdout.close()
        for pid in self.instances():
            os.kill(pid, signal.SIGKILL)
        self.haproxy.kill()
        self.haproxy.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        ports.give_back(self.first)


class Busy(unittest.TestCase):
    def setUp(self):
        self.scene = Scene()
        self.addCleanup(self.scene.close)

    def test_refused_by_default(self):
        self.scene.under_way()
        said = self.scene.must("rollout", self.scene.document("1.2"), codes=(6,))
        self.assertIn("is driven: wait for it", said)
        self.assertIn("when_busy: queue", said)

    def test_queue(self):
        first = self.scene.under_way(stage="8s")
        second = self.scene.start("rollout", self.scene.document("1.2"), "--when-busy", "queue", "--by", "ann")
        until(lambda: self.scene.queue() == ["1.2"], "1.2 in the queue")
        self.assertIn("queued   1.2 by ann (queue)", self.scene.must("status", "shop"))
        self.assertEqual([(e["version"], e["who"], e["policy"]) for e in self.scene.status()["queue"]], [("1.2", "ann", "queue")])
        third = self.scene.start("rollout", self.scene.document("1.3"), "--when-busy", "queue", "--by", "bob")
        self.assertIn("1.2 of shop gives way to 1.3 of bob", self.scene.end(second, 3))
        self.assertEqual(self.scene.queue(), ["1.3"])
        self.scene.end(first, 0)
        self.assertIn("1.3 waits for its turn (queue), by bob", self.scene.end(third, 0))
        self.scene.whole("1.3")

    def test_supersede_what_is_driven(self):
        first = self.scene.under_way()
        said = self.scene.must("rollout", self.scene.document("1.2"), "--when-busy", "supersede", "--by", "ann")
        self.assertIn("succeeded: canary of shop: 1.0 to 1.2", said)
        self.assertIn("superseded by 1.2", self.scene.end(first, 1))
        self.scene.whole("1.2")

    def test_supersede_what_was_killed(self):
        first = self.scene.under_way()
        first.kill()
        said = self.scene.must("rollout", self.scene.document("1.2"), "--when-busy", "supersede")
        self.assertIn("way back", said)  # it drove that itself, and shows it
        self.assertIn("succeeded: canary of shop: 1.0 to 1.2", said)
        self.scene.whole("1.2")

    def left_on_its_way_back(self):
        """A rollout that was killed, and whose way back was killed too, in the middle."""
        first = self.scene.under_way()
        first.kill()
        first.communicate()
        self.scene.must("abort", "shop", "--by", "ann")
        for effects in range(1, 40):
            back = self.scene.start("resume", "shop", kill_after=effects)
            self.scene.end(back, 1, -signal.SIGKILL)
            if self.scene.status()["state"] == "returning":
                return
        self.fail("no kill left it on its way back")

    def test_queue_ends_a_way_back_that_was_left(self):
        self.left_on_its_way_back()
        said = self.scene.must("rollout", self.scene.document("1.2"), "--when-busy", "queue")
        self.assertIn("way back", said)
        self.assertIn("succeeded: canary of shop: 1.0 to 1.2", said)
        self.scene.whole("1.2")

    def test_gives_way_only_after_the_way_back(self):
        """1.3 comes while 1.2 takes 1.1 back: 1.2 ends that itself, and gives way then, or has begun before 1.3 was in the queue."""
        first = self.scene.under_way()
        first.kill()
        first.communicate()
        second = self.scene.start("rollout", self.scene.document("1.2"), "--when-busy", "supersede")
        until(lambda: self.scene.status()["state"] == "returning", "the way back")
        third = self.scene.start("rollout", self.scene.document("1.3"), "--when-busy", "queue")
        self.scene.end(second, 0, 3)
        self.scene.end(third, 0)
        self.scene.whole("1.3")
        journal = json.loads(self.scene.must("journal", "shop", "--all", "--json"))
        resumed = [r for r in journal if r["kind"] == "run.resumed"]
        ends = [r["payload"]["state"] for r in journal if r["kind"] == "run.ended"]
        self.assertEqual(len(resumed), 1)  # by 1.2, which left it to nobody
        self.assertEqual(ends, ["succeeded", "returned", *["succeeded"] * (1 if second.returncode == 3 else 2)])

    def test_restart(self):
        first = self.scene.under_way()
        said = self.scene.must("rollout", self.scene.document("1.2"), "--when-busy", "restart", codes=(3,))
        self.assertIn("is about 1.1, so 1.2 cannot begin it again", said)
        self.scene.must("rollout", self.scene.document("1.1"), "--when-busy", "restart")
        self.assertIn("begun again by 1.1", self.scene.end(first, 1))
        self.scene.whole("1.1")

    def test_of_two_that_supersede_one_wins(self):
        first = self.scene.under_way()
        rivals = [self.scene.start("rollout", self.scene.document(version), "--when-busy", "supersede") for version in ("1.2", "1.3")]
        said = [self.scene.end(process, 0, 1, 3) for process in rivals]
        codes = [process.returncode for process in rivals]
        self.assertIn(0, codes, said)
        for process, text in zip(rivals, said):  # the other one gave way, or its run was superseded
            self.assertTrue(process.returncode == 0 or "gives way" in text or "superseded by" in text, text)
        self.scene.end(first, 1)
        self.scene.whole(*(version for version, code in zip(("1.2", "1.3"), codes) if code == 0))

    def test_killed_in_the_queue(self):
        self.scene.under_way()
        second = self.scene.start("rollout", self.scene.document("1.2"), "--when-busy", "queue")
        until(lambda: self.scene.queue() == ["1.2"], "1.2 in the queue")
        second.kill()
        second.communicate()
        self.assertEqual(self.scene.queue(), [])
        self.scene.must("rollout", self.scene.document("1.3"), "--when-busy", "supersede")
        self.scene.whole("1.3")

    def test_interrupted_in_the_queue(self):
        self.scene.under_way()
        second = self.scene.start("rollout", self.scene.document("1.2"), "--when-busy", "queue")
        until(lambda: self.scene.queue() == ["1.2"], "1.2 in the queue")
        second.send_signal(signal.SIGINT)
        self.assertIn("nothing was begun", self.scene.end(second, 130))
        self.assertEqual(self.scene.queue(), [])

    def test_nothing_is_released_over_what_is_broken(self):
        first = self.scene.under_way()
        second = self.scene.start("rollout", self.scene.document("1.2"), "--when-busy", "queue")
        until(lambda: self.scene.queue() == ["1.2"], "1.2 in the queue")
        self.scene.haproxy.kill()  # no way back without a router
        self.scene.haproxy.wait()
        self.scene.must("abort", "shop", "--by", "ann")
        self.scene.end(first, 4)
        self.assertIn("is broken", self.scene.end(second, 3))


def killed(driven, k):
    """`supersede` is killed after its k-th effect; then whatever is not over is taken up. Returns the version that has it all."""
    scene = Scene()
    try:
        first = scene.under_way(stage="1s")
        if not driven:
            first.kill()
            first.communicate()
        second = scene.start("rollout", scene.document("1.2"), "--when-busy", "supersede", kill_after=k)
        said = scene.end(second, 0, -signal.SIGKILL)
        if driven:
            scene.end(first, 0, 1)
        if scene.status()["state"] not in ("succeeded", "returned"):
            scene.must("resume", "shop", codes=(0, 1))
        version = scene.whole("1.0", "1.1", "1.2")
        scene.must("journal", "shop", "--verify")
        return version, second.returncode != 0, said
    finally:
        scene.close()


class Kills(unittest.TestCase):
    """Points grow farther apart: the many near the beginning are about the queue, the request and the way back."""

    POINTS = [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 17, 20, 24, 28, 33, 38, 44, 50, 58, 66, 75, 85, 100, 120]

    def test_killed_while_it_supersedes(self):
        ends = {}
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            work = {pool.submit(killed, driven, k): (driven, k) for driven in (True, False) for k in self.POINTS}
            for future in concurrent.futures.as_completed(work):
                with self.subTest(point=work[future]):
                    version, was_killed, _ = future.result()
                    ends[(version, was_killed)] = ends.get((version, was_killed), 0) + 1
        print(f"{len(work)} kill points; ends (version, killed): {ends}")
        self.assertGreater(sum(count for (_, was_killed), count in ends.items() if was_killed), len(self.POINTS))


if __name__ == "__main__":
    NIPOPS, PRELOAD, HAPROXY = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
