#!/usr/bin/env python3
"""kill -9 of `nipops rollout` on local processes behind a real HAProxy after every effect it has on the outside: every flush of the journal and of
the driver's files, every write to the router, every process started, every signal. Then `nipops resume`, killed once more at some point of
its own, then `nipops resume` to the end. What stands afterwards must be what stands when nobody was killed: the same processes by version,
the same servers with the same weights and states, the same release record, and no process besides.

usage: kill.py NIPOPS PRELOAD HAPROXY [--every N] [--workers N]
"""
import argparse, concurrent.futures, json, os, pathlib, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import ports
PYTHON = "/usr/bin/python3"

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
    dynamic_stable_scale: true
    stages: [{{share: 50, duration: 200ms}}, {{share: 100, duration: 100ms}}]
  drain_timeout: 2s
"""

class Scene:
    """HAProxy, a store, and version 1.0 released."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-kill."))
        self.first = ports.take(12)
        (self.folder / "ha.cfg").write_text(CONFIG.format(folder=self.folder, port=self.first + 11))
        self.haproxy = subprocess.Popen([options.haproxy, "-db", "-f", self.folder / "ha.cfg"], stdout=subprocess.DEVNULL,
                                        stderr=open(self.folder / "ha.log", "w"))
        self.wait_for(lambda: (self.folder / "ha.sock").exists())
        self.must(self.nipops("rollout", self.document("1.0")), 0)

    def wait_for(self, condition):
        for _ in range(1000):
            if condition():
                return
            time.sleep(0.01)
        raise AssertionError("HAProxy did not start: " + (self.folder / "ha.log").read_text())

    def document(self, version):
        path = self.folder / f"{version}.yaml"
        path.write_text(DOCUMENT.format(version=version, python=PYTHON, app=HERE / "small_app.py", folder=self.folder, first=self.first,
                                        last=self.first + 10))
        return path

    def nipops(self, *arguments, kill_after=None, log=None):
        env = dict(os.environ, XDG_STATE_HOME=str(self.folder / "state"))
        if kill_after is not None:
            env.update(LD_PRELOAD=str(self.options.preload), KILL_AFTER=str(kill_after), KILL_LOG=str(log or "/dev/null"))
        return subprocess.run([self.options.nipops, *map(str, arguments)], env=env, capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL)

    @staticmethod
    def must(done, *codes):
        if done.returncode not in codes:
            raise AssertionError(f"exit {done.returncode}, wanted {codes}\n{done.stdout}\n{done.stderr}")
        return done

    def instances(self):
        """Live processes by version, from /proc: whoever bears a token of this scene, and is no zombie."""
        found = {}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if not entry.name.isdigit() or str(self.folder) not in (entry / "cmdline").read_text():
                    continue
                if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
                arguments = (entry / "cmdline").read_text().split("\0")
                if arguments[2].endswith("small_app.py"):
                    found[int(entry.name)] = (arguments[4], int(arguments[3]))
            except (OSError, IndexError):
                pass
        return found

    def servers(self):
        """What HAProxy has: (port, weight, admin state) of every server that is not in maintenance."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.folder / "ha.sock"))
            s.sendall(b"show servers state shop\n")
            text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        rows = [line.split() for line in text.splitlines()[2:] if line.strip()]
        return sorted((int(r[18]), int(r[7]), int(r[6])) for r in rows if not int(r[6]) & 1)

    def facts(self):
        """What must be equal, with ports replaced by the version that listens on them: which port a version has is chance."""
        running = self.instances()
        version_of = {port: version for version, port in running.values()}
        release = json.loads(self.must(self.nipops("status", "shop", "--json"), 0, 1, 4).stdout)
        record = release.get("release") or {}
        return {
            "processes": sorted(version for version, _ in running.values()),
            "servers": sorted((version_of.get(port, "nobody"), weight, state) for port, weight, state in self.servers()),
            "state": release["state"],
            "version": record.get("version"),
            "endpoints": sorted(version_of.get(int(e.rsplit(":", 1)[1]), e) for e in record.get("endpoints", [])),
            "shares": record.get("shares"),
            "held": record.get("held"),
        }

    def close(self):
        for pid in self.instances():
            os.kill(pid, signal.SIGKILL)
        self.haproxy.kill()
        self.haproxy.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        ports.give_back(self.first)


def undisturbed(options, version, code):
    scene = Scene(options)
    try:
        log = scene.folder / "effects"
        scene.must(scene.nipops("rollout", scene.document(version), kill_after=0, log=log), code)
        return scene.facts(), [line.split()[1] for line in log.read_text().splitlines()]
    finally:
        scene.close()


def resume(scene, kill_after):
    """To the end, by as many resumes as it takes; the first one is killed too."""
    killed = 0
    for attempt in range(10):
        done = scene.nipops("resume", "shop", kill_after=kill_after if attempt == 0 else 0)
        if done.returncode != -signal.SIGKILL:
            return done, killed
        killed += 1
    raise AssertionError("ten resumes were not enough")


def killed_after(options, version, code, expected, k):
    scene = Scene(options)
    try:
        done = scene.nipops("rollout", scene.document(version), kill_after=k)
        if done.returncode != -signal.SIGKILL:
            raise AssertionError(f"was not killed: {done.returncode}\n{done.stderr}")
        again = 0
        listed = json.loads(scene.must(scene.nipops("list", "shop", "--json"), 0).stdout)
        if len(listed) < 2:  # killed before the plan was journaled: nothing was begun, so it is rolled out anew
            scene.must(scene.nipops("rollout", scene.document(version)), code)
        elif listed[0]["state"] not in ("succeeded", "returned"):
            done, again = resume(scene, 1 + (k * 7) % 23)
            scene.must(done, code)
        facts = scene.facts()
        if facts != expected:
            raise AssertionError("\n".join(f"  {key}: {facts[key]}, wanted {expected[key]}" for key in expected if facts[key] != expected[key]))
        scene.must(scene.nipops("journal", "shop", "--verify"), 0)
        return again
    finally:
        scene.close()


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "preload", "haproxy"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--workers", type=int, default=6)
    options = parser.parse_args()
    failures = 0
    for version, code, way in (("1.1", 0, "forward"), ("1.1-bad", 1, "way back")):
        expected, effects = undisturbed(options, version, code)
        points = [k for k in range(1, len(effects) + 1) if k % options.every == 0 or effects[k - 1] != "flush"]
        again, counts = 0, {}
        with concurrent.futures.ThreadPoolExecutor(options.workers) as pool:
            futures = {pool.submit(killed_after, options, version, code, expected, k): k for k in points}
            for future in concurrent.futures.as_completed(futures):
                k = futures[future]
                try:
                    again += future.result()
                    counts[effects[k - 1]] = counts.get(effects[k - 1], 0) + 1
                except Exception as problem:
                    failures += 1
                    print(f"FAILED {way}, killed after effect {k} ({effects[k - 1]}):\n{problem}", flush=True)
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(counts.items()))
        print(f"{way}: {len(points)} of {len(effects)} kill points ({kinds}), {again} resumes killed as well; ends {expected}", flush=True)
    print(f"{'1 passed, 0' if failures == 0 else '0 passed, 1'} failed")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
