#!/usr/bin/python3
"""Runs the suite with a library that was built with AddressSanitizer and UndefinedBehaviorSanitizer.

    python3 bindings/python/tests/sanitized.py build-asan/libnipops/libnipops.so.0 [unittest options]

Fails when a test fails, on every report of a sanitizer, and on leaks whose memory libnipops asked for; Python's own do not count.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def runtime():
    """The sanitizer's library, which must be loaded before all others."""
    return subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()


def run_suite(library, options, reports):
    log = "log_path=%s/report" % reports
    environment = dict(os.environ, NIPOPS_LIBRARY=os.path.abspath(library), LD_PRELOAD=runtime(), PYTHONMALLOC="malloc",
                       ASAN_OPTIONS="detect_leaks=1:exitcode=0:" + log, UBSAN_OPTIONS="print_stacktrace=1:" + log)
    command = [sys.executable, "-B", "-X", "dev", "-W", "error", "-m", "unittest", "discover", "-s", str(PACKAGE / "tests"), "-t",
               str(PACKAGE)]
    return subprocess.run(command + options, env=environment, stdin=subprocess.DEVNULL).returncode


def is_ours(leak):
    """Did libnipops ask for this memory, by itself or through a library that it uses, and not Python inside one of its callbacks?"""
    for frame in re.findall(r"^ +#\d+ .*$", leak, re.M):
        if "python" in frame.lower():
            return False
        if "libnipops" in frame:
            return True
    return False


def complaints(text):
    """What counts of one report."""
    leaks = [leak for leak in re.split(r"\n\n", text) if re.search(r"^(Direct|Indirect) leak", leak, re.M) and is_ours(leak)]
    errors = re.findall(r"^.*(?:ERROR: AddressSanitizer|runtime error:).*$", text, re.M)
    return leaks + ([text] if errors else [])


def main(arguments):
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as reports:
        failed = run_suite(arguments[0], arguments[1:], reports)
        found = [complaint for report in sorted(Path(reports).iterdir()) for complaint in complaints(report.read_text(errors="replace"))]
    for complaint in found:
        print(complaint)
    print("%d complaints of the sanitizers about libnipops" % len(found))
    return 1 if failed or found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
