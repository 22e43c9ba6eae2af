#!/usr/bin/env python3
"""Sees that the tests catch defects: each patch in tests/law/seeded seeds one that somebody could have made.

A patch begins with what it breaks and with a line "catch: PROGRAM ARGUMENTS" that says which test must fail by it: "laws ...",
"trains ...", "gates ...", "notices ..." and "rivals ..." are the programs of tests/law, "unit NAME" and "fault NAME" those of tests/unit and tests/fault. The tree is
copied and built once; then each patch is applied, built, caught and taken back. A program is ended at its first complaint.

usage: seeded.py [NAME ...]        exit status 1 when a defect is not caught, or a patch does not apply any more
"""

import concurrent.futures
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PATCHES = SOURCE / "tests" / "law" / "seeded"
PACKAGES = ["libcurl", "yaml-0.1", "sqlite3", "libsodium", "libpcre2-8", "cmocka"]
TIMEOUT = 300
COMPILER = shlex.split(os.environ.get("CC", "gcc"))


def run(command, folder, timeout=None):
    return subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False)


class Tree:
    """A copy of the sources with its objects."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        for part in ("include", "libnipops", "tests"):
            shutil.copytree(SOURCE / part, self.folder / part)
        self.objects = self.folder / "objects"
        self.objects.mkdir()
        self.libraries = shlex.split(run(["pkg-config", "--libs", *PACKAGES], folder).stdout) + ["-lm", "-pthread"]
        self.library = sorted(p.relative_to(self.folder) for p in (self.folder / "libnipops").rglob("*.c"))
        law = sorted(p.relative_to(self.folder) for p in (self.folder / "tests" / "law").glob("*.c"))
        self.alone = {p.stem: p for p in law if p.stem in ("trains", "gates", "notices", "rivals")}  # programs of their own
        self.laws = [p for p in law if p.stem not in self.alone]
        self.support = [pathlib.Path("tests/support") / name for name in ("errand.c", "failing_malloc.c", "server.c")]

    def object_of(self, source):
        return self.objects / (str(source).replace("/", "_") + ".o")

    def compile(self, source):
        command = [*COMPILER, "-std=c11", "-D_GNU_SOURCE", "-O1", "-w", "-Iinclude", "-Ilibnipops", "-Itests/support", "-Itests/law",
                   f'-DSOURCE_DIR="{self.folder}"', "-c", str(source), "-o", str(self.object_of(source))]
        done = run(command, self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{source} does not compile:\n{done.stdout}")

    def compile_all(self, sources):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(self.compile, sources))

    def link(self, name, sources):
        done = run(["gcc", "-o", name, *[str(self.object_of(s)) for s in [*sources, *self.library]], *self.libraries], self.folder)
        if done.returncode != 0:
            raise RuntimeError(f"{name} does not link:\n{done.stdout}")

    def build(self, catch):
        """Builds the program that a patch names, and returns the command that runs it."""
        program, *arguments = shlex.split(catch)
        if program == "laws":
            self.link("laws", self.laws)
            return ["./laws", "--hasty", *arguments]
        if program in self.alone:
            self.compile(self.alone[program])
            self.link(program, [self.alone[program]])
            return [f"./{program}", *arguments]
        test = pathlib.Path("tests") / program / (arguments[0] + ".c")
        others = [pathlib.Path("tests/fault/world.c")] if program == "fault" else []
        self.compile_all([test, *others])
        self.link(program, [test, *others, *self.support])
        return [f"./{program}"]


def read_patch(path):
    title, catch = "", ""
    for line in path.read_text().splitlines():
        if line.startswith("---"):
            break
        if line.startswith("catch: "):
            catch = line.removeprefix("catch: ")
        elif line:
            title += line
    return title, catch


def touched(path):
    return [pathlib.Path(line.split()[1].removeprefix("b/")) for line in path.read_text().splitlines() if line.startswith("+++ ")]


def is_complaint(line):
    return "BROKEN" in line or "[  ERROR" in line or "[  FAILED" in line


def judge(command, folder):
    """What a test says: None when it passes, else its first complaint, at which it is ended."""
    deadline = time.monotonic() + TIMEOUT
    last = "it died"
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as test:
        watch = threading.Timer(TIMEOUT, test.kill)
        watch.start()
        try:
            for line in test.stdout:
                last = line.strip() or last
                if is_complaint(line):
                    test.kill()
                    return last
            if test.wait() == 0:
                return None
        finally:
            watch.cancel()
    if time.monotonic() >= deadline:
        raise subprocess.TimeoutExpired(command, TIMEOUT)
    return last


def try_patch(tree, path, catch):
    """What became of one defect: (caught, what was said)."""
    files = touched(path)
    if run(["patch", "-p1", "--fuzz=3", "--no-backup-if-mismatch", "--dry-run", "-i", str(path)], tree.folder).returncode != 0:
        return False, "the patch does not apply any more"
    run(["patch", "-p1", "--fuzz=3", "--no-backup-if-mismatch", "-i", str(path)], tree.folder)
    try:
        tree.compile_all(f for f in files if f.suffix == ".c")
        complaint = judge(tree.build(catch), tree.folder)
        return complaint is not None, complaint or "NOT CAUGHT"
    except subprocess.TimeoutExpired:
        return False, f"no end within {TIMEOUT} seconds"
    except RuntimeError as error:
        return False, str(error)
    finally:
        run(["patch", "-p1", "-R", "--fuzz=3", "--no-backup-if-mismatch", "-i", str(path)], tree.folder)
        tree.compile_all(f for f in files if f.suffix == ".c")


def check_sound(tree, catches):
    """Without a defect everything must pass, else "caught" means nothing."""
    for catch in sorted(set(catches)):
        complaint = judge(tree.build(catch), tree.folder)
        if complaint is not None:
            print(f"{catch} fails without any defect: {complaint}")
            return False
    return True


def main():
    wanted = sys.argv[1:]
    patches = [p for p in sorted(PATCHES.glob("*.patch")) if not wanted or p.stem in wanted]
    with tempfile.TemporaryDirectory(prefix="nipops-seeded-") as folder:
        tree = Tree(folder)
        tree.compile_all([*tree.library, *tree.laws, *tree.support])
        if not check_sound(tree, [read_patch(p)[1] for p in patches]):
            return 1
        missed = 0
        for path in patches:
            _, catch = read_patch(path)
            caught, said = try_patch(tree, path, catch)
            missed += not caught
            print(f"{'caught' if caught else 'MISSED':7} {path.stem:30} {said[:150]}", flush=True)
    print(f"{len(patches) - missed} of {len(patches)} seeded defects caught")
    return 1 if missed or not patches else 0


if __name__ == "__main__":
    sys.exit(main())
