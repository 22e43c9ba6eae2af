#!/usr/bin/python3
"""Prints what the binding costs: importing it beside another package, and calls beside the same calls by bare ctypes. Checks nothing."""
import os
import subprocess
import sys
import timeit
from ctypes import byref, c_int64, c_void_p
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import nipops  # noqa: E402
from nipops._library import C  # noqa: E402

TEXT = "x" * 1000
PAYLOAD = '{"text":"%s"}' % TEXT


def start_up(script):
    """Milliseconds of a Python that runs a script, less one that does nothing: the quickest of several."""
    def run(source):
        environment = dict(os.environ, PYTHONPATH=sys.path[0])
        return min(timeit.repeat(lambda: subprocess.run([sys.executable, "-c", source], env=environment, check=True), number=1, repeat=15))
    return (run(script) - run("pass")) * 1000


def each(function, number=5000):
    """Nanoseconds of one call: the quickest of several rounds."""
    function()
    return min(timeit.repeat(function, number=number, repeat=5)) / number * 1e9


def failing():
    try:
        nipops.parse_time(TEXT)
    except nipops.InvalidError:
        pass


def failing_bare(encoded=TEXT.encode()):
    error, out = c_void_p(), c_int64()
    C.nip_time_parse(encoded, byref(out), byref(error))
    C.nip_error_free(error)


def main():
    for name, script in (("import nipops, first call", "import nipops; nipops.parse_duration('1s')"),
                         ("import nipops, a store with one record", "import nipops as n; s = n.Store(n.Context(), 'memory:'); "
                          "s.append('a', 'note.written', {}); s.close()"), ("import requests", "import requests")):
        print("%-46s %8.1f ms" % (name, start_up(script)))
    store = nipops.Store(nipops.Context(), "memory:")
    pointer = store._hold().pointer
    out, error = c_int64(), c_void_p()
    subject, kind, payload = b"a", b"note.written", PAYLOAD.encode()
    now = store.context.now_ns()
    rows = (
        ("append of 1 KiB to a store in memory", lambda: store.append("a", "note.written", PAYLOAD, at=now),
         lambda: C.nip_journal_append(pointer, subject, -1, kind, now, payload, byref(out), byref(error))),
        ("parse_duration_ns", lambda: nipops.parse_duration_ns("1h30m"), lambda: C.nip_duration_parse(b"1h30m", byref(out), byref(error))),
        ("an error, from 1 KiB of nonsense", failing, failing_bare),
    )
    print("%-46s %8s    %8s" % ("", "nipops", "ctypes"))
    for name, wrapped, bare in rows:
        print("%-46s %8.0f ns %8.0f ns" % (name, each(wrapped), each(bare)))
    store.close()


if __name__ == "__main__":
    main()
