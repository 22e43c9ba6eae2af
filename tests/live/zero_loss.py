#!/usr/bin/env python3
"""Nobody may notice a good release. Keep-alive users send more than 300 requests a second through HAProxy to an app that needs two seconds to start, 200 ms
for a reply, and drops everything when it is stopped, while it is rolled out by each strategy. Resets, timeouts and non-2xx that the users
saw must be 0. A control run of the same plan without its drains must not get away with it: else this test could not fail.

usage: zero_loss.py NIPOPS HAPROXY [--rate N]
"""
import argparse, asyncio, csv, io, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import ports
PYTHON = "/usr/bin/python3"

CONFIG = """
global
    stats socket {folder}/ha.sock mode 600 level admin
    maxconn 2000
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 10s
    option redispatch
    retries 3
frontend fe
    bind 127.0.0.1:{port}
    default_backend shop
backend shop
    balance roundrobin
    server-template s 1-12 127.0.0.1:1 disabled
"""

DOCUMENT = """
rollout:
  app: shop
  artifact: "{version}"
  replicas: 3
  strategy: {strategy}
  target: {{driver: local, command: [{python}, {app}, "{{port}}", "{{version}}"], ports: {first}-{last}, stop_grace: 3s}}
  router: {{driver: haproxy, socket: {folder}/ha.sock, backend: shop}}
  metrics: {{driver: haproxy}}
  health: {{url: "http://{{endpoint}}/health", expect: {{status: 200, json: {{/status: healthy}}}}, interval: 300ms, timeout: 30s, successes: 2}}
{more}
  drain_timeout: 10s
"""

MORE = {
    "rolling": "  rolling: {max_surge: 1, max_unavailable: 0}",
    "canary": """  canary:
    dynamic_stable_scale: true
    stages: [{share: 20, duration: 3s}, {share: 60, duration: 3s}, {share: 100, duration: 2s}]
    guard: {interval: 1s, settle: 0s, error_rate: {max: 0.5}, min_samples: 20}
  hold_old: 0s""",
    "blue_green": """  blue_green: {watch: 3s, guard: {interval: 1s, settle: 0s, error_rate: {max: 0.5}, min_samples: 20}}
  hold_old: 0s""",
}


class Users:
    """Each keeps one connection. What counts is what the user saw: a connection closed while a request is under way is a failure."""

    def __init__(self, port, rate):
        self.port, self.rate, self.many = port, rate, int(rate * 0.35) + 10
        self.requests, self.failures, self.stop = 0, {}, False

    def fail(self, kind):
        self.failures[kind] = self.failures.get(kind, 0) + 1

    async def ask(self, streams):
        reader, writer = streams
        writer.write(b"GET /page HTTP/1.1\r\nHost: shop\r\n\r\n")
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
        await reader.readexactly(length)
        if not head.split()[1].startswith("2"):
            self.fail(head.split()[1])
        return "close" not in head.lower()

    async def user(self, number):
        streams, pause = None, self.many / self.rate
        due = time.monotonic() + pause * number / self.many
        while not self.stop:
            await asyncio.sleep(max(0, due - time.monotonic()))
            due = max(due + pause, time.monotonic() - pause)
            self.requests += 1
            try:
                streams = streams or await asyncio.open_connection("127.0.0.1", self.port)
                if not await asyncio.wait_for(self.ask(streams), 5):
                    streams = None
            except asyncio.TimeoutError:
                self.fail("timeout")
                streams = None
            except (OSError, EOFError, StopIteration) as problem:
                self.fail(type(problem).__name__)
                streams = None

    async def during(self, command):
        """Load while the command runs, a second before it and a second after."""
        tasks = [asyncio.ensure_future(self.user(n)) for n in range(self.many)]
        await asyncio.sleep(1)
        process = await asyncio.create_subprocess_exec(*map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                                                       stdin=asyncio.subprocess.DEVNULL)
        output, _ = await asyncio.wait_for(process.communicate(), 180)
        await asyncio.sleep(1)
        self.stop = True
        await asyncio.gather(*tasks)
        return process.returncode, output.decode()


class Scene:
    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-zero."))
        self.first = ports.take(14)
        self.port = self.first + 13
        (self.folder / "ha.cfg").write_text(CONFIG.format(folder=self.folder, port=self.port))
        os.environ["XDG_STATE_HOME"] = str(self.folder / "state")
        self.haproxy = subprocess.Popen([options.haproxy, "-db", "-f", self.folder / "ha.cfg"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        while not (self.folder / "ha.sock").exists():
            assert self.haproxy.poll() is None, "HAProxy did not start"
            time.sleep(0.01)

    def document(self, version, strategy):
        path = self.folder / f"{version}.yaml"
        path.write_text(DOCUMENT.format(version=version, strategy=strategy, python=PYTHON, app=HERE / "slow_app.py", folder=self.folder,
                                        first=self.first, last=self.first + 12, more=MORE[strategy]))
        return path

    def nipops(self, *arguments):
        return [self.options.nipops, *arguments]

    def retries(self):
        """How often HAProxy tried again behind the users' backs."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.folder / "ha.sock"))
            s.sendall(b"show stat\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        rows = csv.DictReader(io.StringIO(text.lstrip("# ")))
        backend = next(row for row in rows if row["pxname"] == "shop" and row["svname"] == "BACKEND")
        return int(backend["wretr"] or 0), int(backend["wredis"] or 0)

    def close(self):
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and f"NIPOPS_INSTANCE=shop/".encode() in (entry / "environ").read_bytes():
                    if str(self.folder).encode() in (entry / "environ").read_bytes():
                        os.kill(int(entry.name), signal.SIGKILL)
            except OSError:
                pass
        self.haproxy.kill()
        self.haproxy.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        ports.give_back(self.first)


def without_drains(plan):
    """The same plan as somebody in a hurry would write it: instances are stopped while they still have traffic."""
    drains = [step for step in plan["steps"] if step["id"].startswith(("drain", "sessions"))]
    assert drains, "the plan has no drains: " + " ".join(step["id"] for step in plan["steps"])
    plan["steps"] = [step for step in plan["steps"] if step not in drains]
    return plan


def release(scene, command, name):
    users = Users(scene.port, scene.options.rate)
    before = scene.retries()
    code, output = asyncio.run(users.during(command))
    after = scene.retries()
    print(f"{name}: exit {code}, {users.requests} requests, failures {users.failures or 0}, HAProxy retried {after[0] - before[0]} and "
          f"redispatched {after[1] - before[1]}", flush=True)
    return users, code, output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nipops", type=pathlib.Path)
    parser.add_argument("haproxy", type=pathlib.Path)
    parser.add_argument("--rate", type=int, default=330)
    options = parser.parse_args()
    scene, problems, total = Scene(options), [], 0
    try:
        subprocess.run(scene.nipops("rollout", scene.document("1.0", "rolling")), check=True, stdout=subprocess.DEVNULL)
        for number, strategy in enumerate(("rolling", "canary", "blue_green"), 1):
            users, code, output = release(scene, scene.nipops("rollout", scene.document(f"1.{number}", strategy)), strategy)
            total += users.requests
            if code != 0 or users.failures:
                problems.append(f"{strategy}: exit {code}, failures {users.failures}\n{output}")
        plan = scene.folder / "plan.json"
        subprocess.run(scene.nipops("plan", scene.document("2.0", "rolling"), "--out", plan), check=True, stdout=subprocess.DEVNULL)
        plan.write_text(json.dumps(without_drains(json.loads(plan.read_text()))))
        users, code, output = release(scene, scene.nipops("rollout", "--plan", plan), "control without drains")
        if not users.failures:
            problems.append(f"the control run lost nothing, so this test cannot fail\n{output}")
    finally:
        scene.close()
    print(f"{total} requests in all", flush=True)
    if total < 10000:
        problems.append(f"only {total} requests: at least 10,000 are needed")
    for problem in problems:
        print("FAILED", problem)
    print(f"{'1 passed, 0' if not problems else '0 passed, 1'} failed")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
