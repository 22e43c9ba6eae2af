#!/usr/bin/env python3
"""HAProxy vanishes in the middle of a canary: the run ends broken and says what stands how; once HAProxy is back, "abort" and "resume" take the change back. And
HAProxy restarts in the middle of a watched stage, which wipes its slots: traffic goes back to the old version by itself.

usage: router_gone.py NIPOPS HAPROXY
"""
import argparse, os, pathlib, subprocess, threading

import kill


def start(scene):
    scene.haproxy.kill()
    scene.haproxy.wait()
    (scene.folder / "ha.sock").unlink(missing_ok=True)
    scene.haproxy = subprocess.Popen([scene.options.haproxy, "-db", "-f", scene.folder / "ha.cfg"], stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL)
    scene.wait_for(lambda: (scene.folder / "ha.sock").exists())


def rollout(scene, version, until, then):
    """Runs a rollout; does `then` when a line with `until` was printed."""
    process = subprocess.Popen([scene.options.nipops, "rollout", scene.document(version)], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, env=dict(os.environ, XDG_STATE_HOME=str(scene.folder / "state")))
    lines, done = [], False
    watchdog = threading.Timer(100, process.kill)
    watchdog.start()
    for line in process.stdout:
        lines.append(line)
        if until in line and not done:
            done = True
            then()
    watchdog.cancel()
    return process.wait(), "".join(lines)


def vanished(scene):
    def vanish():
        scene.haproxy.kill()
        scene.haproxy.wait()

    code, text = rollout(scene, "1.1", "stays for", vanish)
    assert code == 4 and "broken" in text, f"exit {code}\n{text}"
    start(scene)
    scene.must(scene.nipops("abort", "shop", "--by", "test", "--reason", "HAProxy is back"), 0)
    scene.must(scene.nipops("resume", "shop"), 1)
    facts = scene.facts()
    assert facts["processes"] == ["1.0", "1.0"] and facts["servers"] == [("1.0", 1, 4)] * 2, facts
    print("vanished: broken, then taken back")


def restarted(scene):
    code, text = rollout(scene, "1.2", "stays for", lambda: start(scene))
    assert code == 1 and "router_restarted" in text, f"exit {code}\n{text}"
    facts = scene.facts()
    assert facts["processes"] == ["1.0", "1.0"] and facts["servers"] == [("1.0", 1, 4)] * 2, facts
    print("restarted: traffic back at the old version")


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "haproxy"):
        parser.add_argument(name, type=pathlib.Path)
    options = parser.parse_args()
    options.preload = None
    kill.DOCUMENT = kill.DOCUMENT.replace("  health:", "  metrics: {{driver: haproxy}}\n  health:").replace("duration: 200ms", "duration: 4s")
    kill.DOCUMENT = kill.DOCUMENT.replace("  drain_timeout", "    guard: {{interval: 500ms, settle: 0s, error_rate: {{max: 1.0}}, on_no_data: pass}}\n  drain_timeout")
    scene = kill.Scene(options)
    try:
        vanished(scene)
        restarted(scene)
    finally:
        scene.close()
    print("1 passed, 0 failed")


if __name__ == "__main__":
    main()
