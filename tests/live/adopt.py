#!/usr/bin/env python3
"""An application that was started by hand behind a HAProxy that was configured by hand is adopted, and a canary goes over it, while users send
requests: not one of them may fail. Then all that is not plain, refused in one line; and processes that were adopted are stopped as a whole,
while a process that has got the pid of one of them is not touched.

usage: adopt.py NIPOPS HAPROXY
"""
import http.client, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, threading, time, unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import ports
PYTHON = "/usr/bin/python3"
NIPOPS = HAPROXY = ""

CONFIG = """
global
    stats socket {folder}/ha.sock mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
    option redispatch
    retries 3
frontend fe
    bind 127.0.0.1:{port}
    default_backend shop
backend shop
    balance roundrobin
    server one 127.0.0.1:{one}
    server two 127.0.0.1:{two}
    server-template s 1-8 127.0.0.1:1 disabled
"""

DOCUMENT = """
rollout:
  app: shop
  artifact: "{version}"
  replicas: {replicas}
  strategy: {strategy}
  target:
    driver: local
    command: [{python}, -SE, {app}, "{{port}}", "{{version}}", {folder}]
    ports: {first}-{last}
    stop_grace: 1s
    start_timeout: 5s
  router: {{driver: haproxy, socket: {folder}/ha.sock, backend: shop}}
  health: {{url: "http://{{endpoint}}/health", expect: {{status: 200}}, interval: 100ms, timeout: 20s, try_timeout: 2s}}
  canary:
    stages: [{{share: 20, duration: 500ms}}, {{share: 100, duration: 200ms}}]
  drain_timeout: 5s
"""


def until(condition, what):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("not within a minute: " + what)


class Users(threading.Thread):
    """Send one request after the other until they are told to stop; every answer that is not 200 is kept."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.failures, self.count, self.stop = port, [], 0, threading.Event()

    def run(self):
        while not self.stop.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
                connection.request("GET", "/")
                status = connection.getresponse().status
                connection.close()
                if status != 200:
                    self.failures.append(status)
            except OSError as problem:
                self.failures.append(repr(problem))
            self.count += 1

    def end(self):
        self.stop.set()
        self.join()
        return self.failures


class Case(unittest.TestCase):
    """Two processes and HAProxy, started by hand."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-adopt."))
        self.first = ports.take(14)
        self.addCleanup(ports.give_back, self.first)
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.addCleanup(self.end_instances)
        self.port = self.first + 13
        self.by_hand = [self.start(self.first), self.start(self.first + 1)]
        config = self.folder / "ha.cfg"
        config.write_text(CONFIG.format(folder=self.folder, port=self.port, one=self.first, two=self.first + 1))
        self.haproxy = self.spawn([HAPROXY, "-db", "-f", config])
        until(lambda: self.haproxy.poll() is None and (self.folder / "ha.sock").exists(), "HAProxy")

    def spawn(self, command):
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.wait()

    def start(self, port, version="1.0", app="small_app.py"):
        process = self.spawn([PYTHON, "-SE", HERE / app, port, version, self.folder])
        until(lambda: self.listens(port), f"{app} at {port}")
        return process

    @staticmethod
    def listens(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    def end_instances(self):
        """Whatever nipops started: those whose command line names this folder."""
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and str(self.folder).encode() in (entry / "cmdline").read_bytes():
                    os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass

    def document(self, version="1.0", replicas=2, strategy="canary", app="small_app.py"):
        path = self.folder / f"{version}-{replicas}.yaml"
        path.write_text(DOCUMENT.format(version=version, replicas=replicas, strategy=strategy, python=PYTHON, app=HERE / app,
                                        folder=self.folder, first=self.first, last=self.first + 12))
        return path

    def nipops(self, *arguments, status=0):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"), LC_ALL="C")
        done = subprocess.run([NIPOPS, *map(str, arguments)], env=env, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
        self.assertEqual(done.returncode, status, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def refused(self, part, *arguments):
        done = self.nipops(*arguments, status=3)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertIn(part, done.stderr)

    def router(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.folder / "ha.sock"))
            s.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: s.recv(65536), b"")).decode()

    def servers(self):
        rows = [line.split() for line in self.router("show servers state shop").splitlines()[2:] if line.strip()]
        return sorted((row[3], int(row[18]), int(row[7]), int(row[6])) for row in rows if not int(row[6]) & 1)

    def release(self):
        return json.loads(self.nipops("status", "shop", "--json").stdout)["release"]


class Adopt(Case):
    def test_adopted_then_changed_without_a_lost_request(self):
        users = Users(self.port)
        users.start()
        self.refused("nipops adopt FILE", "rollout", self.document("1.1"))
        before = self.servers()
        self.nipops("adopt", self.document())
        self.assertEqual(self.servers(), before)
        self.assertEqual([process.poll() for process in self.by_hand], [None, None])
        self.assertEqual((self.release()["version"], len(self.release()["endpoints"])), ("1.0", 2))
        self.assertIn("stands as it was released", self.nipops("ensure", "shop").stdout)
        self.assertIn("no release before 1.0", self.nipops("rollback", "shop", status=3).stderr)
        self.nipops("rollout", self.document("1.1"))
        self.assertEqual(self.release()["version"], "1.1")
        until(lambda: all(process.poll() is not None for process in self.by_hand), "the processes started by hand end")
        self.nipops("rollback", "shop")
        self.assertEqual(self.release()["version"], "1.0")
        self.assertEqual(users.end(), [])
        self.assertGreater(users.count, 50)
        self.nipops("journal", "shop", "--verify")
        self.refused("has a release record already", "adopt", self.document())

    def test_ensure_replaces_one_that_died(self):
        self.nipops("adopt", self.document())
        self.by_hand[0].kill()
        self.by_hand[0].wait()
        self.nipops("ensure", "shop")
        self.assertEqual(len(self.release()["endpoints"]), 2)
        self.assertIsNone(self.by_hand[1].poll())

    def test_what_is_not_plain_is_refused(self):
        self.refused("say replicas: 2", "adopt", self.document(replicas=3))
        self.nipops("adopt", self.document("1.1"), status=3)  # another version runs: the command line says so
        self.assertIn("where the document's command is", self.nipops("journal", "shop").stdout)
        stranger = self.start(self.first + 2, app="slow_app.py")
        self.router(f"set server shop/s1 addr 127.0.0.1 port {self.first + 2}")
        self.router("set server shop/s1 weight 100")
        self.router("set server shop/s1 state ready")
        self.refused("say replicas: 3", "adopt", self.document())
        self.nipops("adopt", self.document(replicas=3), status=3)
        self.assertIn(f"127.0.0.1:{self.first + 2} cannot be adopted: process {stranger.pid} runs",
                      self.nipops("journal", "shop").stdout)
        self.assertIsNone(self.release())
        self.router("set server shop/s1 state maint")
        self.nipops("adopt", self.document())

    def test_a_pid_that_was_reused_is_not_touched(self):
        self.nipops("adopt", self.document())
        file = self.folder / f"state/nipops/nipops.db.d/local/shop/{self.first}.json"
        kept = json.loads(file.read_text())
        self.assertEqual((kept["pid"], kept["adopted"]), (self.by_hand[0].pid, True))
        bystander = self.spawn(["sleep", "600"])
        self.by_hand[0].kill()
        self.by_hand[0].wait()
        file.write_text(json.dumps(dict(kept, pid=bystander.pid)))  # as if the kernel had given its number away
        self.nipops("rollout", self.document("1.1", strategy="blue_green"))
        self.nipops("retire", "shop", "--force")
        self.assertIsNone(bystander.poll())
        until(lambda: self.by_hand[1].poll() is not None, "the other one is stopped")


FORKING = """#!/usr/bin/python3
import os, signal, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=64)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0:
        while True:
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\nConnection: close\\r\\n\\r\\n")
            connection.close()
signal.pause()
"""


class Families(Case):
    def setUp(self):
        self.program = pathlib.Path(tempfile.mkdtemp(prefix="nipops-adopt-app.")) / "forking.py"
        self.addCleanup(shutil.rmtree, self.program.parent, ignore_errors=True)
        self.program.write_text(FORKING)
        super().setUp()

    def start(self, port, version="1.0", app=None):
        return super().start(port, version, self.program)  # an absolute path replaces the folder before it

    def document(self, version="1.0", replicas=2, strategy="canary", app=None):
        return super().document(version, replicas, strategy, self.program)

    def workers(self):
        found = 0
        for entry in pathlib.Path("/proc").iterdir():
            try:
                found += entry.name.isdigit() and str(self.program).encode() in (entry / "cmdline").read_bytes()
            except OSError:
                pass
        return found

    def test_leader_and_workers_end_although_they_ignore_sigterm(self):
        self.assertEqual(self.workers(), 6)
        self.nipops("adopt", self.document())
        self.nipops("rollout", self.document("1.1"))
        self.assertEqual([self.listens(self.first), self.listens(self.first + 1)], [False, False])
        until(lambda: self.workers() == 6, "only the new version's processes are left")


if __name__ == "__main__":
    NIPOPS, HAPROXY = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
