#!/usr/bin/env python3
"""examples/go as its user meets it: built, vetted and tested, then started. In the simulated world: rollouts, streams, refusals, an approval, an
abort. On local processes behind a real HAProxy: SIGTERM, and then kill -9, in the middle of rollouts; after each start the run goes on, and a
stream that continues after Last-Event-ID gets every event once.

usage: example_go.py SOURCE BUILD GO
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
import ports

source, build, go = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
PYTHON = "/usr/bin/python3"
PATIENCE = 60  # seconds for what takes moments
environment = dict(os.environ, PKG_CONFIG_PATH=str(build / "meson-uninstalled"), LD_LIBRARY_PATH=str(build / "libnipops"),
                   GOFLAGS="-mod=mod", GOPROXY="off", GOTOOLCHAIN="local", GORACE="atexit_sleep_ms=0 halt_on_error=1")

SIMULATED = """
rollout:
  app: shop
  artifact: "{version}"
  replicas: 4
  strategy: {strategy}
  target: {{driver: sim, world: shop, start_delay: 100ms, stop_delay: 50ms, sessions_drain: 50ms}}
  router: {{driver: sim, world: shop, start_delay: 100ms, stop_delay: 50ms, sessions_drain: 50ms}}
  health: {{url: "http://{{endpoint}}/health", interval: 100ms, timeout: 30s, successes: 2}}
"""
APPROVED = "  canary: {stages: [{share: 50, duration: 100ms}, {share: 100, duration: 100ms, approve: \"all users?\"}]}\n"

HAPROXY = """
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
LOCAL = """
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
    start_timeout: 10s
  router: {{driver: haproxy, socket: {folder}/ha.sock, backend: shop}}
  health: {{url: "http://{{endpoint}}/health", expect: {{status: 200}}, interval: 200ms, timeout: 30s, successes: 2}}
  canary: {{dynamic_stable_scale: true, stages: [{{share: 50, duration: 500ms}}, {{share: 100, duration: 500ms}}]}}
  drain_timeout: 2s
"""


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def eventually(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {PATIENCE} s")


def command(folder, *argv):
    done = subprocess.run(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=550)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")


class Service:
    """One process of the example. It is killed when its block is left."""

    def __init__(self, program, folder):
        self.log = open(folder / "service.log", "a")
        self.process = subprocess.Popen([program, "-listen", "127.0.0.1:0", "-store", "state.db"], cwd=folder, env=environment,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        first = self.process.stdout.readline()
        if not first.startswith("listening on http://127.0.0.1:"):
            self.__exit__()
            raise AssertionError(f"printed {first!r}; log:\n{(folder / 'service.log').read_text()}")
        self.port = int(first.rsplit(":", 1)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()

    def end(self, number):
        """Sends a signal; gives the exit status and the seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(PATIENCE)
        return status, time.monotonic() - begun

    def ask(self, method, path, body=None, headers={}):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None

    def start(self, document, wanted=201):
        status, body = self.ask("POST", "/rollouts", document)
        equal(status, wanted, f"start of a rollout: {body}")
        return body.get("run")

    def request(self, run, kind, wanted=202):
        status, body = self.ask("POST", f"/rollouts/{run}/{kind}", json.dumps({"who": "tester", "why": "to see it"}))
        equal(status, wanted, f"{kind}: {body}")
        return body

    def state(self, run):
        status, body = self.ask("GET", f"/rollouts/{run}")
        equal(status, 200, f"status of {run}: {body}")
        return body["state"]

    def events(self, run, after=0):
        """The run's events as they come, until the stream ends in whatever way."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", f"/rollouts/{run}/events", headers={"Last-Event-ID": str(after)} if after else {})
            answer = connection.getresponse()
            if answer.status == 204:
                return
            equal((answer.status, answer.getheader("Content-Type")), (200, "text/event-stream"), "stream")
            with contextlib.suppress(http.client.IncompleteRead, ConnectionError):
                yield from self.parse(answer)

    @staticmethod
    def parse(answer):
        number, end = None, time.monotonic() + PATIENCE
        for line in iter(answer.readline, b""):
            if not line.endswith(b"\n"):
                return  # cut off in the middle: the event comes again
            if time.monotonic() > end:
                raise AssertionError(f"a stream goes on after {PATIENCE} s")
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "id":
                number = int(value)
            elif name == "data":
                event = json.loads(value)
                equal(event["sequence"], number, "id of an event")
                yield event


def simulated(version, strategy, more=""):
    return SIMULATED.format(version=version, strategy=strategy) + more


def see(events, kind):
    """Reads events up to the first of a kind."""
    for event in events:
        if event["kind"] == kind:
            return event
    raise AssertionError(f"the stream ended before {kind}")


def rollouts_and_refusals(service):
    first = service.start(simulated("1.0.0", "rolling"))
    events = list(service.events(first))
    equal((events[0]["kind"], events[-1]["kind"]), ("run.planned", "run.ended"), "first and last event")
    equal(service.state(first), "succeeded", "first rollout")
    middle = events[len(events) // 2]["sequence"]
    equal(list(service.events(first, middle)), [e for e in events if e["sequence"] > middle], "stream that is continued")
    equal(list(service.events(first, events[-1]["sequence"])), [], "stream of a run that is over")
    service.start(simulated("1.0.0", "rolling"), wanted=422)

    status, body = service.ask("POST", "/rollouts", "rollout:\n  app: shop\n  replicas: many\n")
    equal((status, {"/rollout/replicas", "/rollout/target"} <= {p["path"] for p in body["problems"]}), (400, True), f"bad document, {body}")
    equal([p["line"] for p in body["problems"] if p["path"] == "/rollout/replicas"], [3], "line of a problem")
    status, body = service.ask("POST", "/rollouts", "rollout: [")
    equal((status, len(body["problems"])), (400, 1), "document that is no YAML")
    equal(service.ask("GET", "/healthz"), (200, {"status": "healthy"}), "healthz")


def approval_and_abort(service):
    approved = service.start(simulated("1.1.0", "canary", APPROVED))
    stream = service.events(approved)
    see(stream, "run.waiting")
    status, body = service.ask("POST", "/rollouts", simulated("1.2.0", "canary", APPROVED))
    equal((status, body["run"]), (409, approved), f"second rollout, {body}")
    equal(service.request(approved, "approve")["driven"], True, "receipt")
    equal(see(stream, "run.ended")["payload"]["state"], "succeeded", "end of an approved run")
    service.request(approved, "approve", wanted=409)

    aborted = service.start(simulated("1.2.0", "canary", APPROVED))
    stream = service.events(aborted)
    see(stream, "run.waiting")
    service.request(aborted, "abort")
    equal(see(stream, "run.ended")["payload"]["state"], "returned", "end of an aborted run")
    equal(service.ask("GET", f"/rollouts/{aborted}")[1]["reason"], "aborted", "reason")


class Scene:
    """HAProxy and a folder of its own; when its block is left, the app's processes and HAProxy are gone."""

    def __init__(self, folder):
        self.folder, self.first = folder, ports.take(12)
        (folder / "ha.cfg").write_text(HAPROXY.format(folder=folder, port=self.first + 11))
        haproxy = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
        self.haproxy = subprocess.Popen([haproxy, "-db", "-f", folder / "ha.cfg"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=open(folder / "ha.log", "w"))

    def __enter__(self):
        eventually((self.folder / "ha.sock").exists, "HAProxy")
        return self

    def __exit__(self, *_):
        self.haproxy.kill()
        self.haproxy.wait()
        for process in self.instances():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def instances(self, version=None):
        """Processes whose command line names this scene's folder."""
        found = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                argv = path.read_bytes().decode(errors="replace").split("\0")
                if str(self.folder) in argv and "-SE" in argv and version in (None, *argv):
                    found.append(int(path.parent.name))
        return found

    def document(self, version):
        return LOCAL.format(version=version, python=PYTHON, app=source / "tests" / "live" / "small_app.py", folder=self.folder,
                            first=self.first, last=self.first + 10)


def interrupted(program, scene, version, number, exit_status):
    """A rollout whose service gets the signal again and again, each time a few events further. Gives how often, and the longest end."""
    with Service(program, scene.folder) as service:
        run = service.start(scene.document(version))
    # Leaving the block was kill -9 as soon as the run had begun.
    seen, ends, services = [], [], 0
    while not seen or seen[-1]["kind"] != "run.ended":
        with Service(program, scene.folder) as service:
            before, ended, services = len(seen), False, services + 1
            for event in service.events(run, seen[-1]["sequence"] if seen else 0):
                seen.append(event)
                own = event["epoch"] == seen[0]["epoch"] + services  # not one that an earlier service wrote, and nobody saw
                if own and len(seen) >= before + 12 and len(ends) < 6 and not ended:
                    ended = True
                    status, took = service.end(number)
                    equal(status, exit_status, "exit status")
                    ends.append(took)
            equal(len(seen) > before, True, "the run goes on")
    with Service(program, scene.folder) as service:
        equal(seen, list(service.events(run)), "what was streamed in pieces, and the whole")
        equal(service.state(run), "succeeded", f"interrupted run, {seen[-1]['payload']}")
    begun = [e["epoch"] for e in seen if e["kind"] in ("run.started", "run.resumed")]  # the first service may have ended too early
    equal((begun, len(begun) >= len(ends)), (sorted(set(begun)), True), f"{len(ends)} services take the run up, each once")
    equal(len(scene.instances(version)), 2, f"instances of {version}")
    return len(ends), max(ends)


def main():
    example = source / "examples" / "go"
    with tempfile.TemporaryDirectory(prefix="nipops-example-go.") as name:
        folder = pathlib.Path(name)
        program = folder / "rollout-service"
        command(example, go, "vet", ".")
        command(example, go, "test", "-race", "-timeout", "2m", ".")
        command(example, go, "build", "-race", "-o", program, ".")
        (folder / "simulated").mkdir()
        with Service(program, folder / "simulated") as service:
            rollouts_and_refusals(service)
            approval_and_abort(service)
            status, took = service.end(signal.SIGTERM)
            equal((status, took < 5), (0, True), "end without a run")
        print(f"ok: simulated world; ended in {took:.3f} s")
        (folder / "local").mkdir()
        with Scene(folder / "local") as scene:
            times, longest = interrupted(program, scene, "1.0", signal.SIGTERM, 0)
            equal(longest < 5, True, "end in the middle of a run")
            print(f"ok: SIGTERM {times} times; longest end {longest:.3f} s")
            times, _ = interrupted(program, scene, "1.1", signal.SIGKILL, -signal.SIGKILL)
            print(f"ok: kill -9 {times} times")
            equal(len(scene.instances()), 2, "instances of all versions")


main()
