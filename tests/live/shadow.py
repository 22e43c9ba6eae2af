#!/usr/bin/env python3
"""A shadow, with real processes behind a real HAProxy while users send requests. What it finds is what the versions differ in, and no more; its
instances are reached by recorded requests only, never by a user; and whatever happens to it (a kill -9, a Ctrl-C, a changed file), nothing of
it is left and users notice nothing.

usage: shadow.py NIPOPS HAPROXY
"""
import http.client, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, threading, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import ports
PYTHON = "/usr/bin/python3"
NIPOPS, HAPROXY = sys.argv[1:3]

CONFIG = """
global
    stats socket {folder}/ha.sock mode 600 level admin
defaults
    mode http
    timeout connect 2s
    timeout client 5s
    timeout server 5s
frontend fe
    bind 127.0.0.1:{port}
    default_backend shop
backend shop
    balance roundrobin
    server-template s 1-6 127.0.0.1:1 disabled
"""

DOCUMENT = """
rollout:
  app: shop
  artifact: "{version}"
  replicas: 2
  strategy: {strategy}
  target: {{driver: local, command: [{python}, -SE, {app}, "{{port}}", "{{version}}", {folder}], ports: {first}-{last}, stop_grace: 2s}}
  router: {{driver: haproxy, socket: {folder}/ha.sock, backend: shop}}
  health: {{url: "http://{{endpoint}}/health", expect: {{status: 200}}, interval: 100ms, timeout: 20s, try_timeout: 2s}}
  drain_timeout: 2s
  shadow:
    requests: {folder}/{file}
    rate: {rate}
    headers: {{drop: [Cookie], set: {{X-From: recorded, Authorization: {{env: SHADOW_TOKEN}}}}}}
    compare: {{ignore: [{{pointer: /at}}, {{regex: "at [0-9]+ ns"}}]}}
    limits: {{latency_p50: 100, latency_floor: 10ms}}
"""


def recorded():
    """What users once did, as their browser wrote it down."""
    entries = []
    for i in range(60):
        entries.append({"request": {"method": "GET", "url": f"https://shop.example/item/{i}?session_token=s3cret&n={i}",
                                    "headers": [{"name": "Cookie", "value": "sid=s3cret"}, {"name": ":authority", "value": "shop.example"},
                                                {"name": "Accept-Encoding", "value": "gzip"}]}})
    entries += [{"request": {"method": "GET", "url": "https://shop.example/page", "headers": []}}] * 10
    entries += [{"request": {"method": "HEAD", "url": "https://shop.example/", "headers": []}}] * 5
    entries += [{"request": {"method": "GET", "url": "https://shop.example/gone", "headers": []}}] * 5
    entries += [{"request": {"method": "POST", "url": "https://shop.example/order", "headers": [],
                             "postData": {"mimeType": "text/plain", "text": "buy"}}}] * 4
    return {"log": {"version": "1.2", "entries": entries}}


class Scene:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-shadow."))
        self.first = ports.take(10)
        self.port = self.first + 9
        self.store = self.folder / "nipops.db"
        (self.folder / "ha.cfg").write_text(CONFIG.format(folder=self.folder, port=self.port))
        (self.folder / "recorded.har").write_text(json.dumps(recorded(), indent=1))
        self.haproxy = subprocess.Popen([HAPROXY, "-db", "-f", self.folder / "ha.cfg"], stderr=open(self.folder / "ha.log", "w"))
        self.wait_for(lambda: (self.folder / "ha.sock").exists(), "HAProxy's socket")
        self.users_stop, self.user_errors, self.user_requests = threading.Event(), [], 0
        self.environment = dict(os.environ, SHADOW_TOKEN="t0psecret", NO_COLOR="1")

    def wait_for(self, condition, what, seconds=60):
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, f"no {what} within {seconds} s"
            time.sleep(0.02)

    def document(self, version, strategy, file="recorded.har", rate=200):
        path = self.folder / f"{strategy}-{version}.yaml"
        path.write_text(DOCUMENT.format(version=version, strategy=strategy, python=PYTHON, app=HERE / "shadow_app.py", folder=self.folder,
                                        first=self.first, last=self.first + 8, file=file, rate=rate))
        return path

    def command(self, *words, **more):
        return [NIPOPS, *map(str, words), "--store", str(self.store)]

    def nipops(self, *words, status=0):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, env=self.environment)
        assert done.returncode == status, f"{words}: {done.returncode}, not {status}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    # ---- users ----

    def users(self):
        while not self.users_stop.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            try:
                connection.request("GET", "/item/7", headers={"X-From": "user"})
                reply = connection.getresponse()
                body = json.loads(reply.read())
                if reply.status != 200 or body["price"] != 10:
                    self.user_errors.append(f"{reply.status} {body}")
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.user_errors.append(repr(error))
            connection.close()
            self.user_requests += 1
            time.sleep(0.01)

    # ---- what stands ----

    def processes(self, version):
        mark = [str(HERE / "shadow_app.py").encode(), version.encode(), str(self.folder).encode()]
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
            except OSError:
                continue
            if all(word in words for word in mark):
                found.append(int(entry.name))
        return found

    def routed(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.folder / "ha.sock"))
            s.sendall(b"show servers state shop\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        return sorted(tuple(line.split()[i] for i in (3, 4, 5, 6, 7, 18)) for line in text.splitlines() if line.count(" ") > 18)

    def seen(self, version):
        path = self.folder / f"seen-{version}"
        return path.read_text().splitlines() if path.exists() else []

    def check_unharmed(self, version, router, release):
        assert self.processes(version) == [], f"instances of {version} are left"
        assert len(self.processes("1.0")) == 2
        assert self.routed() == router, (self.routed(), router)
        assert json.loads(self.nipops("list", "shop", "--json"))[0]["state"] != "running"
        assert self.released() == release
        strangers = [line for line in self.seen(version) if not line.startswith("recorded ")]
        assert strangers == [], f"somebody else than the shadow reached {version}: {strangers[:3]}"
        assert self.user_errors == [], self.user_errors[:3]

    def released(self):
        with_status = json.loads(self.nipops("list", "shop", "--json"))
        first = [run["run"] for run in with_status if "first release" in run["title"]][0]
        return json.loads(self.nipops("status", first, "--json"))["release"]

    def report(self, run="shop"):
        return json.loads(self.nipops("report", run, "--json"))

    def close(self):
        self.users_stop.set()
        for version in ("1.0", "1.1", "2.0", "3.0"):
            for pid in self.processes(version):
                os.kill(pid, signal.SIGKILL)
        self.haproxy.kill()
        self.haproxy.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def counting(comparison):
    return {field["field"] for field in comparison["fields"] if field["counts"]}


def finds_nothing_where_there_is_nothing(scene, router, release):
    scene.nipops("rollout", scene.document("1.1", "shadow"))
    comparison = scene.report()["comparison"]
    assert comparison["verdict"] == "pass", comparison
    assert comparison["compared"] == 80 and comparison["skipped"] == {"method POST": 4}, comparison
    assert comparison["mismatches"]["events"] == 0
    noise = {field["field"] for field in comparison["fields"]}
    assert noise == {"body /trace/id"}, noise
    scene.check_unharmed("1.1", router, release)
    seen = scene.seen("1.1")
    assert len(seen) == 80, len(seen)
    assert len([line for line in scene.seen("1.0") if line.startswith("recorded ")]) == 160, "the old version is asked twice"


def finds_another_price(scene, router, release):
    told = scene.nipops("rollout", scene.document("2.0", "shadow"), status=1)
    assert "6 of 80 requests are answered otherwise" in told, told
    report = scene.report()
    comparison = report["comparison"]
    assert report["state"] == "returned" and comparison["verdict"] == "fail"
    assert counting(comparison) == {"body /price"}, counting(comparison)
    price = next(field for field in comparison["fields"] if field["field"] == "body /price")
    assert price["differs"] == 6 and price["kinds"] == {"changed": 6} and price["baseline_differs"] == 0
    example = price["examples"][0]
    assert (example["old"], example["new"]) == ("10", "11") and "session_token=***" in example["request"], example
    text = scene.nipops("report", "shop")
    assert "body /price" in text and "verdict      fail" in text, text
    page = scene.folder / "report.html"
    scene.nipops("report", "shop", "--html", page)
    assert page.read_text().startswith("<!DOCTYPE html>") and "<script" not in page.read_text() and "body /price" in page.read_text()
    scene.check_unharmed("2.0", router, release)


def finds_slowness(scene, router, release):
    scene.nipops("rollout", scene.document("3.0", "shadow"), status=1)
    comparison = scene.report()["comparison"]
    limit = comparison["latency"]["limits"][0]
    assert comparison["verdict"] == "fail" and comparison["mismatches"]["verdict"] == "pass", comparison
    assert limit["quantile"] == "p50" and limit["verdict"] == "fail" and limit["new"] > limit["limit"], limit
    scene.check_unharmed("3.0", router, release)


def survives_a_kill(scene, router, release):
    """The command is killed in the middle of the requests, and again on resuming; the third one ends it."""
    process = subprocess.Popen(scene.command("rollout", scene.document("1.1", "shadow", rate=40)), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=scene.environment)
    for _ in range(2):
        before = len(scene.seen("1.1"))
        scene.wait_for(lambda: len(scene.seen("1.1")) >= before + 10, "requests at the new version")
        process.kill()
        process.wait()
        assert len(scene.processes("1.1")) == 1, "the shadow's instance does not live in the command"
        process = subprocess.Popen(scene.command("resume", "shop"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env=scene.environment)
    assert process.wait() == 0
    comparison = scene.report()["comparison"]
    assert comparison["verdict"] == "pass" and comparison["compared"] == 80
    scene.check_unharmed("1.1", router, release)


def clears_up_after_ctrl_c(scene, router, release):
    process = subprocess.Popen(scene.command("rollout", scene.document("1.1", "shadow", rate=5)), stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL, env=scene.environment)
    before = len(scene.seen("1.1"))
    scene.wait_for(lambda: len(scene.seen("1.1")) >= before + 3, "requests at the new version")
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130
    assert scene.report()["state"] == "returned"
    assert scene.report()["comparison"] is None
    scene.check_unharmed("1.1", router, release)


def refuses_before_it_begins(scene, router, release):
    (scene.folder / "bad.jsonl").write_text('{"url": "/item/1"}\n{"url": item}\n')
    told = scene.nipops("rollout", scene.document("1.1", "shadow", file="bad.jsonl"), status=3)
    assert "bad.jsonl: line 2:1:9" in told, told
    (scene.folder / "posts.jsonl").write_text('{"method": "POST", "url": "/item/1", "body": "x"}\n')
    told = scene.nipops("rollout", scene.document("1.1", "shadow", file="posts.jsonl"), status=3)
    assert "no request that may be sent" in told and "method POST: 1" in told, told
    told = scene.nipops("rollout", scene.document("1.1", "shadow", file="missing.har"), status=3)
    assert "missing.har cannot be read: No such file or directory" in told, told
    told = scene.nipops("rollout", scene.document("1.0", "shadow"), status=3)
    assert "is what is released" in told, told
    scene.check_unharmed("1.1", router, release)


def refuses_a_file_that_changed(scene, router, release):
    """The requests that are sent are those that were read before anything was changed."""
    path = scene.folder / "changing.jsonl"
    path.write_text('{"url": "/item/1"}\n' * 30)
    document = scene.document("1.1", "shadow", file="changing.jsonl", rate=10)
    process = subprocess.Popen(scene.command("rollout", document), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=scene.environment)
    before = len(scene.seen("1.1"))
    scene.wait_for(lambda: len(scene.seen("1.1")) >= before + 3, "requests at the new version")
    process.kill()
    process.wait()
    path.write_text('{"url": "/item/2"}\n' * 30)
    told = scene.nipops("resume", "shop", status=1)
    assert "is not the file that was named" in told, told
    scene.check_unharmed("1.1", router, release)


def shows_no_secret(scene):
    kept = b"".join(path.read_bytes() for path in scene.folder.glob("nipops.db*") if path.is_file())
    for secret in (b"t0psecret", b"s3cret"):
        assert secret not in kept, f"{secret} is in the journal"


def main():
    scene = Scene()
    try:
        scene.nipops("rollout", scene.document("1.0", "rolling"))
        threading.Thread(target=scene.users, daemon=True).start()
        scene.wait_for(lambda: scene.user_requests > 10, "users")
        router, release = scene.routed(), scene.released()
        for test in (finds_nothing_where_there_is_nothing, finds_another_price, finds_slowness, survives_a_kill, clears_up_after_ctrl_c,
                     refuses_before_it_begins, refuses_a_file_that_changed):
            for path in scene.folder.glob("seen-1.*"):
                path.unlink() if path.name != "seen-1.0" else path.write_text("")
            print(test.__name__, flush=True)
            test(scene, router, release)
        shows_no_secret(scene)
        assert scene.user_requests > 100
        print(f"{scene.user_requests} requests of users, none failed, none reached a shadow")
    finally:
        scene.close()


main()
