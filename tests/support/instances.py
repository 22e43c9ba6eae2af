#!/usr/bin/python3
"""Instances as a script of somebody's own keeps them: what the driver "command" is given in the tests.

usage: instances.py FOLDER start PORT VERSION | stop PORT | list | observe PORT | artifact NAME

A file in FOLDER changes what it does: "refuse" (start fails), "lie" (start says well and starts nothing), "stubborn" (stop says well and
stops nothing), "slow" (start and stop take three seconds), "say" (list prints what is in it), "dead" (what is started ends at once).
"""
import json, os, pathlib, signal, subprocess, sys, time

folder, verb, rest = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
app = pathlib.Path(__file__).resolve().parent / "app.py"


def has(name):
    return (folder / name).exists()


def alive(known):
    try:
        fields = pathlib.Path(f"/proc/{known['pid']}/stat").read_text().rpartition(")")[2].split()
        return fields[0] not in "ZX" and int(fields[19]) == known["start"]
    except (OSError, IndexError):
        return False


def known(port):
    try:
        return json.loads((folder / f"{port}.json").read_text())
    except (OSError, ValueError):
        return None


def start(port, version):
    if has("slow"):
        time.sleep(3)
    if has("refuse"):
        print("nothing to see here")
        sys.exit("no room for another instance")
    before = known(port)
    if has("lie") or (before and alive(before)):
        return
    command = ["/bin/false"] if has("dead") else ["/usr/bin/python3", app, "--port", port, "--version", version]
    process = subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    stat = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    record = folder / f"{port}.json"
    record.with_suffix(".new").write_text(json.dumps({"pid": process.pid, "start": int(stat[19]), "version": version, "at": time.time()}))
    record.with_suffix(".new").rename(record)


def stop(port):
    if has("slow"):
        time.sleep(3)
    instance = known(port)
    if has("stubborn"):
        return
    if instance and alive(instance):
        os.kill(instance["pid"], signal.SIGTERM)
        while alive(instance):
            time.sleep(0.01)
    (folder / f"{port}.json").unlink(missing_ok=True)


def listing():
    if has("say"):
        sys.stdout.buffer.write((folder / "say").read_bytes())
        return
    print("a warning that is no line", file=sys.stderr)
    found = [(known(path.stem), path.stem) for path in folder.glob("[0-9]*.json")]
    for instance, port in sorted((f for f in found if f[0]), key=lambda f: f[0]["at"]):
        print(f"127.0.0.1:{port}", instance["version"], "running" if alive(instance) else "exited", "some words more")


if verb == "start":
    start(*rest)
elif verb == "stop":
    stop(*rest)
elif verb == "list":
    listing()
elif verb == "observe":
    print("it said:", rest[0])
elif verb == "artifact":
    sys.exit(0 if rest[0] != "nope" else "no artifact " + rest[0])
