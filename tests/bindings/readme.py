#!/usr/bin/env python3
"""The README shows one rollout in C, Python and Go. Each is taken out of it as it stands, built, and run; each must release.

usage: readme.py SOURCE BUILD GO
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

source, build, go = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve(), sys.argv[3]
readme = (source / "README.md").read_text()
environment = dict(os.environ, PKG_CONFIG_PATH=str(build / "meson-uninstalled"), LD_LIBRARY_PATH=str(build / "libnipops"),
                   NIPOPS_LIBRARY=str(build / "libnipops" / "libnipops.so.0"), PYTHONPATH=str(source / "bindings" / "python"),
                   PYTHONDONTWRITEBYTECODE="1", GOFLAGS="-mod=mod", GOPROXY="off", GOTOOLCHAIN="local")


def snippet(language):
    found = re.findall(rf"^```{language}\n(.*?)^```$", readme, flags=re.S | re.M)
    if len(found) != 1:
        sys.exit(f"README.md: {len(found)} snippets in {language}, there must be one")
    return found[0]


def call(folder, *argv):
    done = subprocess.run(argv, cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(argv)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def run_c(folder):
    (folder / "program.c").write_text(snippet("c"))
    flags = call(folder, "pkg-config", "--cflags", "--libs", "nipops").split()
    call(folder, "cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "program.c", *flags, "-o", "program")
    return call(folder, "./program")


def run_python(folder):
    (folder / "program.py").write_text(snippet("python"))
    return call(folder, sys.executable, "-X", "dev", "-W", "error", "program.py")


def run_go(folder):
    (folder / "main.go").write_text(snippet("go"))
    module = re.search(r"^module (\S+)$", (source / "bindings" / "go" / "go.mod").read_text(), flags=re.M).group(1)
    (folder / "go.mod").write_text(f"module program\n\ngo 1.19\n\nrequire {module} v0.0.0\n\nreplace {module} => {source / 'bindings' / 'go'}\n")
    call(folder, go, "vet", ".")
    return call(folder, go, "run", ".")


for language, run in (("C", run_c), ("Python", run_python), ("Go", run_go)):
    with tempfile.TemporaryDirectory(prefix="nipops-readme.") as name:
        folder = pathlib.Path(name)
        shutil.copy(source / "examples" / "rollout.yaml", folder)
        output = run(folder)
        if output.split()[-1:] != ["succeeded"]:
            sys.exit(f"{language}: printed\n{output}instead of a last word \"succeeded\"")
        print(f"ok: {language}, {len(snippet(language.lower()).splitlines())} lines")
