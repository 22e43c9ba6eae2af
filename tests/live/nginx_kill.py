#!/usr/bin/env python3
"""kill -9 of `nipops ensure`, which repairs a file of nginx that was edited by hand, after every effect it has on the outside: every flush of the
journal and of the driver's files, every question to nginx, every program started, every signal. Whenever it dies, nginx accepts its configuration,
users are answered, and nothing is lost of the edit. Taken up again, it ends as if nobody had been killed, and leaves nothing behind.

usage: nginx_kill.py NIPOPS PRELOAD NGINX [--every N]
"""
import argparse, json, pathlib, subprocess, sys

from nginx_scene import HERE, Scene

PYTHON = "/usr/bin/python3"
END = 1000  # effects; far more than one command has


def target(scene):
    return (f'{{driver: local, command: [{PYTHON}, {HERE / "small_app.py"}, "{{port}}", "{{version}}", {scene.folder}], '
            f"ports: {scene.first}-{scene.first + 12}, stop_grace: 3s}}")


def is_whole(scene, edited, note):
    """What a kill may leave: the edited text or one of ours, in its place, and nothing else that nginx would read."""
    text = scene.config.read_text()
    assert text == edited or note not in text and text.endswith("}\n"), text
    assert scene.config.is_symlink()
    visible = [path.name for folder in ("conf.d", "available") for path in (scene.folder / folder).iterdir() if path.name[0] != "."]
    assert visible == ["shop.conf", "shop"], visible
    test = subprocess.run([scene.options.nginx, "-t", "-q", "-c", scene.folder / "nginx.conf"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert test.returncode == 0, test.stdout
    assert scene.ask()[0] == 200
    if text != edited:
        assert edited in [kept.read_text() for kept in scene.kept("edited")]


def killed_after(scene, effects):
    """Returns whether it was killed before it was done."""
    note = f"# edited by hand, {effects}\n"
    edited = scene.config.read_text() + note
    scene.config.write_text(edited)
    log = scene.folder / "effects"
    log.unlink(missing_ok=True)
    scene.nipops("ensure", "shop", expect=None, LD_PRELOAD=str(scene.options.preload), KILL_AFTER=str(effects), KILL_LOG=str(log))
    killed = len(log.read_text().splitlines()) == effects
    is_whole(scene, edited, note)
    scene.nipops("resume", "shop", expect=None)  # there may be nothing to resume: it died too early or too late
    scene.nipops("ensure", "shop")
    assert note not in scene.config.read_text()
    is_whole(scene, edited, note)
    assert not scene.kept("before"), scene.kept("before")
    assert json.loads(scene.ask()[1])["version"] == "1.0"
    return killed


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "preload", "nginx"):
        parser.add_argument(name, type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1)
    options = parser.parse_args()
    scene, kills = Scene(options, "nipops-nginx-kill."), 0
    try:
        scene.nipops("rollout", scene.document("1.0", "rolling", target(scene)))
        for effects in range(1, END, options.every):
            if not killed_after(scene, effects):
                break
            kills += 1
    finally:
        scene.close()
    assert kills * options.every > 10, f"only {kills} kills"
    print(f"{kills} kills passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
