#!/usr/bin/env python3
"""Rollouts through nginx. Under load nobody loses a request; the same plan without its drains must not get away with it. A driver that is killed
between writing and reloading is settled by the next one. A hand's edit in the middle of a canary turns it back, and is kept.

usage: nginx_rollout.py NIPOPS NGINX [--rate N]
"""
import argparse, asyncio, json, pathlib, subprocess, sys, threading

import zero_loss
from nginx_scene import HERE, Scene, Users

PYTHON = "/usr/bin/python3"


def target(scene, app="slow_app.py", more=""):
    return (f'{{driver: local, command: [{PYTHON}, {HERE / app}, "{{port}}", "{{version}}"{more}], ports: {scene.first}-{scene.first + 12}, '
            "stop_grace: 3s}")


def under_load(scene, arguments, name):
    users = Users(scene.port, scene.options.rate)
    code, output = asyncio.run(users.during([scene.options.nipops, *arguments]))
    print(f"{name}: exit {code}, {users.requests} requests, failures {users.failures or 0}, asked again {users.reopened}", flush=True)
    return users, code, output


def loses_nothing(scene):
    scene.nipops("rollout", scene.document("1.0", "rolling", target(scene)))
    for number, strategy in enumerate(("rolling", "canary", "blue_green"), 1):
        users, code, output = under_load(scene, ["rollout", scene.document(f"1.{number}", strategy, target(scene))], strategy)
        assert code == 0 and not users.failures and users.requests > 1000, f"{strategy}: {users.failures}\n{output}"
    plan = scene.folder / "plan.json"
    scene.nipops("plan", scene.document("2.0", "rolling", target(scene)), "--out", plan)
    plan.write_text(json.dumps(zero_loss.without_drains(json.loads(plan.read_text()))))
    users, code, output = under_load(scene, ["rollout", "--plan", plan], "control without drains")
    assert users.failures, f"the control run lost nothing, so this test cannot fail\n{output}"


def small(scene):
    return target(scene, "small_app.py", f", {scene.folder}")


def version_in_force(scene):
    status, body = scene.ask()
    assert status == 200, body
    return json.loads(body)["version"]


def survives_a_kill(scene):
    """The reload command kills who asked for it: the file is written, nginx knows nothing of it."""
    reload = scene.folder / "reload"
    reload.write_text(f"#!/bin/sh\nif [ -e {scene.folder}/deadly ]; then rm {scene.folder}/deadly; kill -9 $PPID; exit 0; fi\n"
                      f"exec {scene.options.nginx} -c {scene.folder}/nginx.conf -s reload\n")
    reload.chmod(0o755)
    scene.nipops("rollout", scene.document("3.0", "rolling", small(scene), f"reload: [{reload}]"))
    (scene.folder / "deadly").touch()
    document = scene.document("3.1", "blue_green", small(scene), f"reload: [{reload}]")
    scene.nipops("rollout", document, expect=-9)
    written = scene.config.read_text()
    assert version_in_force(scene) == "3.0"
    scene.nipops("resume", "shop")
    assert version_in_force(scene) == "3.1"
    journal = scene.nipops("journal", "shop", "--all")
    assert "not_yet" in journal, journal
    assert scene.config.read_text() != written
    print("killed between write and reload: settled, gone on")


def turns_back_from_an_edit(scene):
    config = scene.config
    process = subprocess.Popen([scene.options.nipops, "rollout", scene.document("3.2", "canary", small(scene))], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=scene.environment)
    watchdog, lines, edited = threading.Timer(100, process.kill), [], False
    watchdog.start()
    for line in process.stdout:
        lines.append(line)
        if "stays for" in line and not edited:
            edited = True
            config.write_text(config.read_text() + "# an edit at three in the morning\n")
    watchdog.cancel()
    assert process.wait() == 1 and "changed by hand" in "".join(lines), "".join(lines)
    assert version_in_force(scene) == "3.1"
    kept = scene.kept("edited")
    assert len(kept) == 1 and "three in the morning" in kept[0].read_text(), kept
    assert str(kept[0]) in scene.nipops("journal", "shop", "--all", "--json")
    print("edited by hand: turned back, the edit is kept")


def ensure_repairs_an_edit(scene):
    """A rollout refuses an edited file and says what to do about it; that must work, whatever the edit did to nginx's configuration."""
    config = scene.config
    document = scene.document("3.3", "rolling", small(scene))
    for edit in ("# once more, at four\n", "no directive at all\n"):
        edited = config.read_text() + edit
        config.write_text(edited)
        refused = scene.nipops("rollout", document, expect=None)
        assert "changed by hand" in refused and "nipops ensure" in refused, refused
        assert config.read_text() == edited
        scene.nipops("ensure", "shop")
        assert version_in_force(scene) == "3.1" and edit not in config.read_text()
        assert edited in [kept.read_text() for kept in scene.kept("edited")]
    scene.nipops("rollout", document)
    assert version_in_force(scene) == "3.3"
    print("edited by hand: ensure repairs it, the edits are kept")


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "nginx"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--rate", type=int, default=200)
    scene = Scene(parser.parse_args(), "nipops-nginx.")
    try:
        loses_nothing(scene)
        survives_a_kill(scene)
        turns_back_from_an_edit(scene)
        ensure_repairs_an_edit(scene)
    finally:
        scene.close()
    print("4 passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
