#!/usr/bin/env python3
"""A shadow that nginx sends copies of users' requests to, once the recorded requests have passed. The new version would answer users otherwise:
none of them ever sees that. Copies begin after the comparison and end with the shadow, also when it is killed in between; a mirror that is
only spoken of in nginx's configuration is refused before anything is started.

usage: nginx_shadow.py NIPOPS NGINX
"""
import argparse, json, pathlib, subprocess, sys, threading, time

from nginx_scene import HERE, MIRROR, Scene

PYTHON = "/usr/bin/python3"
SHADOW = """  shadow:
    requests: {folder}/recorded.jsonl
    rate: 200
    headers: {{set: {{X-From: recorded}}}}
    compare: {{ignore: [{{pointer: /at}}]}}
    limits: {{latency_p50: 300, latency_floor: 20ms}}
    mirror: {{percent: {percent}, duration: {duration}}}"""


class ShadowScene(Scene):
    replicas = 2
    mirror, more = "mirror /nipops_mirror;", MIRROR

    def __init__(self, options):
        super().__init__(options, "nipops-nginx-shadow.")
        self.stop, self.answers, self.wrong = threading.Event(), 0, []
        (self.folder / "recorded.jsonl").write_text("".join(f'{{"url": "/item/{i * 10}"}}\n' for i in range(60)))

    def target(self):
        return (f'{{driver: local, command: [{PYTHON}, -SE, {HERE / "shadow_app.py"}, "{{port}}", "{{version}}", {self.folder}], '
                f"ports: {self.first}-{self.first + 12}, stop_grace: 2s}}")

    def shadow(self, version, percent=100, duration="2s"):
        return self.document(version, "shadow", self.target(), more=SHADOW.format(folder=self.folder, percent=percent, duration=duration))

    def users(self):
        """Ask for what 2.0 has another price for."""
        while not self.stop.is_set():
            try:
                status, body = self.ask(f"/item/{self.answers}3")
                if status != 200 or json.loads(body)["price"] != 10:
                    self.wrong.append((status, body))
            except (OSError, ValueError, IndexError) as problem:
                self.wrong.append(repr(problem))
            self.answers += 1
            time.sleep(0.005)

    def seen(self, version, sender):
        path = self.folder / f"seen-{version}"
        return [line for line in path.read_text().splitlines() if line.startswith(sender + " ")] if path.exists() else []

    def check_over(self, version):
        """Nothing runs of it, nothing is sent there, users never had anything of it."""
        assert "_mirror {\n    default \"\";" in self.config.read_text(), self.config.read_text()
        listed = json.loads(self.nipops("list", "shop", "--json"))
        assert all(run["state"] not in ("running", "broken", "waiting") for run in listed), listed
        before, answers = len(self.seen(version, "copy")), self.answers
        self.wait_for(lambda: self.answers > answers + 50)
        assert len(self.seen(version, "copy")) == before
        assert not self.seen(version, "user") and not self.seen("1.0", "copy")
        assert not self.wrong, self.wrong[:3]


def gets_copies(scene):
    scene.nipops("rollout", scene.shadow("2.0"))
    copies = scene.seen("2.0", "copy")
    assert len(copies) > 50, len(copies)
    assert set(line.split()[2] for line in copies) <= set(line.split()[2] for line in scene.seen("1.0", "user"))
    order = [line.split()[0] for line in (scene.folder / "seen-2.0").read_text().splitlines()]
    assert order == ["recorded"] * 60 + ["copy"] * len(copies), order  # copies only after what was recorded
    scene.check_over("2.0")
    print(f"{len(copies)} copies after 60 recorded requests, none of their answers at a user")


def gets_some_of_them(scene):
    before = scene.answers
    scene.nipops("rollout", scene.shadow("2.0-some", percent=20, duration="4s"))
    copies, most = len(scene.seen("2.0-some", "copy")), scene.answers - before
    assert 20 < copies < most * 0.4, (copies, most)
    scene.check_over("2.0-some")
    print(f"at 20 %: {copies} copies")


def survives_a_kill(scene):
    process = subprocess.Popen([scene.options.nipops, "rollout", scene.shadow("2.0-kill", duration="30s")], env=scene.environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    scene.wait_for(lambda: len(scene.seen("2.0-kill", "copy")) > 20)
    process.kill()
    process.wait()
    scene.nipops("abort", "shop", expect=None)
    scene.nipops("resume", "shop", expect=1)
    scene.check_over("2.0-kill")
    print("killed while copies went out: aborted, none goes out any more")


def is_refused_where_nothing_mirrors(scene):
    scene.configure("# mirror /nipops_mirror;\n")
    told = scene.nipops("rollout", scene.shadow("2.1"), expect=None)
    assert "mirrors is false" in told, told
    assert not scene.seen("2.1", "recorded") and not scene.seen("2.1", "copy")
    scene.check_over("2.1")
    print("a mirror in a comment: refused, nothing was started")


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "nginx"):
        parser.add_argument(name, type=pathlib.Path)
    scene = ShadowScene(parser.parse_args())
    users = threading.Thread(target=scene.users)
    try:
        scene.nipops("rollout", scene.document("1.0", "rolling", scene.target()))
        users.start()
        for test in (gets_copies, gets_some_of_them, survives_a_kill, is_refused_where_nothing_mirrors):
            test(scene)
    finally:
        scene.stop.set()
        if users.is_alive():
            users.join()
        scene.close()
    print(f"4 passed, 0 failed; {scene.answers} requests of users")


if __name__ == "__main__":
    sys.exit(main())
