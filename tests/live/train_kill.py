#!/usr/bin/env python3
"""kill -9 of `nipops rollout` of a train of two apps on local processes behind a real HAProxy, after some of the effects it has on the outside; then
`nipops resume autumn` to the end. Both apps must stand at the new version, or, when one of them cannot go, both at the old one: nothing in between.
Two trains that begin at the same moment with equal plans do not take each other's runs for their own.

usage: train_kill.py NIPOPS PRELOAD HAPROXY [--every N]
"""
import argparse, concurrent.futures, json, os, pathlib, shutil, socket, subprocess, sys, tempfile

import kill
from kill import ports

APPS = ("db", "shop")
BACKEND = "backend {name}\n    balance roundrobin\n    server-template s 1-10 127.0.0.1:1 disabled\n"


class Scene(kill.Scene):
    """HAProxy with a backend for each app, a store, and version 1.0 of both released."""

    def __init__(self, options):
        self.options = options
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-train."))
        self.first = ports.take(24)
        (self.folder / "ha.cfg").write_text(kill.CONFIG.format(folder=self.folder, port=self.first + 23) + BACKEND.format(name="db"))
        self.haproxy = subprocess.Popen([options.haproxy, "-db", "-f", self.folder / "ha.cfg"], stdout=subprocess.DEVNULL,
                                        stderr=open(self.folder / "ha.log", "w"))
        self.wait_for(lambda: (self.folder / "ha.sock").exists())
        self.must(self.nipops("rollout", self.train("1.0")), 0)

    def app(self, name, version, bad=False):
        first = self.first + 11 * APPS.index(name)
        text = kill.DOCUMENT.format(version=version, python=kill.PYTHON, app=kill.HERE / "small_app.py", folder=self.folder, first=first,
                                    last=first + 10)
        text = text.replace("app: shop", "app: " + name).replace("backend: shop", "backend: " + name)
        if bad:  # it stops before it changes anything, when the app before it has all its new instances in traffic
            text += "  preflight: {env: [NO_SUCH_SETTING]}\n"
        path = self.folder / f"{name}.yaml"
        path.write_text(text + "  hold_old: 0s\n")
        return path

    def train(self, version, bad=False):
        lines = ["train:", "  name: autumn", "  apps:"]
        for name in APPS:
            self.app(name, version, bad and name == APPS[-1])
            lines.append(f"    - document: {name}.yaml")
        path = self.folder / "train.yaml"
        path.write_text("\n".join(lines) + "\n")
        return path

    def twin(self, name):
        """Another train of the same apps, without a barrier."""
        text = self.train("2.0").read_text().replace("name: autumn", f"name: {name}\n  barrier: false")
        path = self.folder / f"{name}.yaml"
        path.write_text(text)
        return path

    def versions(self):
        """Of each app: what its release record says, and what runs on its ports."""
        running = self.instances().values()
        found = {}
        for i, name in enumerate(APPS):
            runs = json.loads(self.must(self.nipops("list", name, "--json"), 0).stdout)
            records = json.loads(self.must(self.nipops("journal", name, "--all", "--json"), 0).stdout)
            released = [r["payload"]["release"]["version"] for r in records if r["kind"] == "run.ended" and r["payload"].get("release")]
            low = self.first + 11 * i
            found[name] = (released[-1], sorted(v for v, port in running if low <= port < low + 11), runs[0]["state"])
        return found


def check(options, killed_after, bad):
    scene = Scene(options)
    try:
        done = scene.nipops("rollout", scene.train("2.0", bad), kill_after=killed_after)
        killed = done.returncode == -9
        if killed:
            # a kill before the train's own plan was journaled leaves nothing to resume
            state = json.loads(scene.must(scene.nipops("list", "autumn", "--json"), 0).stdout)[0]["state"]
            if state not in ("succeeded", "returned", "stopped"):
                done = scene.must(scene.nipops("resume", "autumn"), 0, 1, 3)
            else:
                done = None
        versions = scene.versions()
        new = versions["db"][0] == "2.0" and not bad
        begun = done is not None
        want = "2.0" if new else "1.0"
        if not bad and begun and not new:
            raise AssertionError(f"killed after {killed_after}: it did not go on: {versions}\n{done.stdout}\n{done.stderr}")
        for name, (released, running, _) in versions.items():
            if (released, running) != (want, [want] * 2):
                raise AssertionError(f"killed after {killed_after}, bad {bad}: {name} stands at {released}, {running} run, wanted {want}: {versions}\n"
                                     f"{done.stdout if done else ''}{done.stderr if done else ''}")
        return killed
    finally:
        scene.close()


def check_twins(options):
    scene = Scene(options)
    try:
        names = ("spring", "winter")
        documents = [scene.twin(name) for name in names]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            done = dict(zip(names, pool.map(lambda document: scene.nipops("rollout", document), documents)))
        told = "".join(f"{name}: exit {d.returncode}\n{d.stdout}{d.stderr}" for name, d in done.items())
        winners = [name for name in names if done[name].returncode == 0]
        if len(winners) != 1:
            raise AssertionError(f"{len(winners)} of two trains had the apps\n{told}")
        for name, (released, running, _) in scene.versions().items():
            records = json.loads(scene.must(scene.nipops("journal", name, "--all", "--json"), 0).stdout)
            begun = [r["payload"].get("by") for r in records if r["kind"] == "run.planned"][1:]
            if (released, running) != ("2.0", ["2.0"] * 2) or len(begun) != 1 or not begun[0].startswith(winners[0] + "-"):
                raise AssertionError(f"{name} stands at {released}, {running} run, its later runs were begun by {begun}\n{told}")
    finally:
        scene.close()


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "preload", "haproxy"):
        parser.add_argument(name)
    parser.add_argument("--every", type=int, default=61)
    options = parser.parse_args()
    for _ in range(3):
        check_twins(options)
    print("two trains at once: one of them had the apps")
    for bad in (False, True):
        killed, at = 0, options.every
        while check(options, at, bad):
            killed += 1
            at += options.every
        print(f"{'all back' if bad else 'all on'}: killed {killed} times")
        if killed < 3:
            sys.exit("too few kills to prove anything")


if __name__ == "__main__":
    main()
