#!/usr/bin/env python3
"""Runs scenarios through the runners in C, Python and Go: all must print the same, byte for byte, and what the scenario expects.

    compare.py --library LIBNIPOPS.SO --c RUNNER [--go RUNNER] [--no-python] [--accept] [--show] SCENARIO...

--accept  writes what the runner in C says into the scenarios' part "expected", which must be their last
--show    prints the whole output of the runner in C
"""
import argparse
import difflib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BINDING = HERE.parent.parent / "bindings" / "python"
TOO_LONG = 120  # seconds for one process: no scenario waits for anything real
DIFFERENCES_SHOWN = 60

# What a record's line says, beside its kind: keys of its payload.
DETAILS = {
    "run.planned": ["title"],
    "run.started": [],
    "run.resumed": ["gap"],
    "step.started": ["step", "attempt"],
    "action.intended": ["action", "step", "for", "what", "attempt"],
    "action.completed": ["action", "outcome", "reason", "message"],
    "action.ignored": ["action", "outcome"],
    "action.unanswered": ["action", "why"],
    "step.retrying": ["step", "attempt", "until"],
    "step.checked": ["step", "of", "is", "failed"],
    "step.acted": ["step"],
    "step.waiting": ["step", "until"],
    "step.done": ["step", "why"],
    "step.failed": ["step", "reason", "message"],
    "guard.judged": ["guard", "verdict", "look"],
    "guard.window": ["guard", "since"],
    "run.waiting": ["step", "for"],
    "run.paused": ["step", "reason", "message"],
    "run.continued": ["why"],
    "run.returning": ["reason", "message", "entry"],
    "request.made": ["request", "step", "who", "why"],
    "run.ended": ["state", "reason", "message"],
}


# ---- running ----

def runners(options):
    """Name, command line and environment of each runner that is there."""
    folder = str(pathlib.Path(options.library).resolve().parent)
    environment = dict(os.environ, NIPOPS_LIBRARY=str(pathlib.Path(options.library).resolve()), PYTHONPATH=str(BINDING),
                       LD_LIBRARY_PATH=folder, PYTHONDONTWRITEBYTECODE="1")
    found = [("C", [options.c], environment)]
    if not options.no_python:
        found.append(("Python", [options.python, "-X", "dev", "-W", "error", str(HERE / "python" / "runner.py")], environment))
    if options.go:
        found.append(("Go", [options.go], environment))
    return found


def run(command, environment, scenario):
    """Output of a runner; one that killed itself, as the scenario says, is started again. The second value says what went wrong."""
    with tempfile.TemporaryDirectory(prefix="scenario-") as state:
        output, resume = "", []
        while True:
            try:
                done = subprocess.run([*command, str(scenario), state, *resume], env=environment, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TOO_LONG, check=False)
            except subprocess.TimeoutExpired:
                return output, f"still running after {TOO_LONG} s"
            text = done.stdout.decode("utf-8", "backslashreplace")
            output += text
            if done.returncode == -signal.SIGKILL and text.endswith("crash\n"):
                resume.append("--resume")
                continue
            complaint = done.stderr.decode("utf-8", "backslashreplace").strip()
            if done.returncode != 0 or complaint:
                return output, f"exit status {done.returncode}: {complaint[-3000:]}"
            return output, None


# ---- the short form ----

def seconds(nanoseconds):
    text = f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}".rstrip("0").rstrip(".")
    return f"+{text}s"


def one_line(value):
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def short_record(words, start):
    """record SEQUENCE KIND at=NANOSECONDS epoch=N PAYLOAD"""
    _, sequence, kind, at, _, payload = words.split(" ", 5)
    payload = json.loads(payload)
    if kind == "run.planned":
        payload["title"] = payload["plan"]["title"]
    if kind == "action.intended":
        payload["what"] = payload["role"] + "/" + payload["verb"]
    if kind == "step.checked":
        payload["is"] = "fatal" if payload.get("fatal") else "met" if payload["met"] else "not met"
    if kind not in DETAILS:
        return " ".join([sequence, seconds(int(at[3:]) - start), kind, one_line(payload)])
    values = [one_line(payload[key]) for key in DETAILS[kind] if payload.get(key) not in (None, [])]
    return " ".join([sequence, seconds(int(at[3:]) - start), kind, *values])


def short_error(lines):
    """error NAME CODE ... file, then two lines: path, message"""
    words = lines[0].split(" ")
    place = [word for word in words if word.startswith(("line=", "column=")) and not word.endswith("=0")]
    path = json.loads(lines[1].split(" ", 3)[3])
    return " ".join([words[0], words[1], *place, *([path] if path else []), json.loads(lines[2].split(" ", 3)[3])])


def short(output, start):
    """What `expected` holds: records, errors, verdicts, plain results; one line each."""
    lines = output.splitlines()
    kept = []
    for index, line in enumerate(lines):
        word = line.split(" ", 1)[0]
        if word == "record":
            kept.append(short_record(line, start))
        elif word in ("error", "problem", "cause"):
            kept.append(short_error(lines[index:index + 3]))
        elif word in ("==", "fine", "same", "crash", "state", "no", "nothing", "canary", "surge", "tail", "verdict", "time", "duration",
                      "count", "bytes", "rank", "added", "excluded", "pages", "judged"):
            kept.append(line)
    return kept


# ---- comparing ----

def differences(ours, theirs, our_name, their_name):
    lines = list(difflib.unified_diff(ours, theirs, our_name, their_name, lineterm="", n=2))
    hidden = len(lines) - DIFFERENCES_SHOWN
    return [line[:400] for line in lines[:DIFFERENCES_SHOWN]] + ([f"... {hidden} more lines"] if hidden > 0 else [])


def split_scenario(path):
    """The text before `expected:`, and the lines that are expected."""
    text = path.read_text(encoding="utf-8")
    head, mark, tail = text.partition("\nexpected:\n")
    if not mark:
        raise SystemExit(f"{path}: the last part must be \"expected:\"")
    return head + mark, [json.loads(line[4:]) for line in tail.splitlines() if line.startswith("  - ")]


def quoted(text):
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def accept(path, said):
    head, _ = split_scenario(path)
    path.write_text(head + "".join(f"  - {quoted(line)}\n" for line in said), encoding="utf-8")


def first_instant(output):
    """The runners begin with the scenario's clock in nanoseconds."""
    return int(output.split("\n", 1)[0].split(" ")[1])


def compare(path, options):
    """Problems of one scenario, as lines."""
    outputs, problems = {}, []
    for name, command, environment in runners(options):
        outputs[name], wrong = run(command, environment, path)
        if wrong:
            problems.append(f"{name}: {wrong}")
    if not outputs["C"]:
        return problems
    for name, output in outputs.items():
        if output != outputs["C"]:
            problems += differences(outputs["C"].splitlines(), output.splitlines(), "C", name)
    said = short(outputs["C"], first_instant(outputs["C"]))
    if options.show:
        print(outputs["C"], end="")
    if options.accept and not problems:
        accept(path, said)
    wanted = split_scenario(path)[1]
    if not wanted:
        problems.append("nothing is expected: see what happens, then compare.py --accept")
    return problems + differences(wanted, said, "expected", "happened")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", required=True)
    parser.add_argument("--c", required=True)
    parser.add_argument("--go")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--no-python", action="store_true")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("--show", action="store_true")
    parser.add_argument("scenarios", nargs="+", type=pathlib.Path)
    return parser.parse_args()


def main():
    options = arguments()
    failed = 0
    left_out = [name for name, there in (("Python", not options.no_python), ("Go", options.go)) if not there]
    for path in options.scenarios:
        problems = compare(path, options)
        failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '}  {path.stem}")
        for line in problems:
            print("      " + line)
    for name in left_out:
        print(f"left out: {name}")
    print(f"{len(options.scenarios) - failed} passed, {failed} failed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
