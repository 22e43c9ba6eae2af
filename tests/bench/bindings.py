"""
What the bindings cost: calls through Python and Go against bare ones, a health sweep in three languages, the time of an
import.
"""
import os
import subprocess

from figures import figure, median, not_measured, note, ratio, share_of_time, take, verdict

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PYTHON = "/usr/bin/python3"
TARGETS = 10000
TURNS = 3  # of what is short, a round
NO_GO = "Go is not installed"
IMPORTS = {
    "import_nipops_ms": "import nipops; nipops.binomial_tail(1, 10, 0.5)",
    "import_and_store_ms": (
        "import nipops; context = nipops.Context(); store = nipops.Store(context, 'memory:');"
        "store.append('shop', 'note.written', {}); list(store.records('shop')); store.close()"
    ),
    "import_requests_ms": "import requests",
    "import_nothing_ms": "pass",
}

# what, name, unit, digits
CALLS = [
    ("a call with 1 KiB of text", "text", "us", 2),
    ("the same on an object, which is locked meanwhile", "method", "us", 2),
    ("an error, all that it says copied", "error", "us", 2),
    ("an action of a run: next and complete, journal in memory", "action", "us", 1),
    ("a note appended, journal in memory", "notes", "us", 2),
    ("1 MiB of JSON parsed and written", "document", "ms", 2),
]
WITH_GOAL = ("text", "method")
RECORDS = "1,000 records read, each an object with its fields"


class Bindings:
    """The programs of one build, and how they are run."""

    def __init__(self, build, programs):
        self.programs = programs
        self.has_go = os.path.exists(os.path.join(programs, "bench_go"))
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "NIPOPS_LIBRARY": os.path.join(TOP, build, "libnipops", "libnipops.so.0"),
            "LD_LIBRARY_PATH": os.path.join(TOP, build, "libnipops"),
            "PYTHONPATH": os.path.join(TOP, "bindings", "python"),
            "PYTHONPYCACHEPREFIX": os.path.join(TOP, build, "pycache"),
        }

    def program(self, name):
        return os.path.join(self.programs, name)

    def go_version(self):
        """ "Go 1.26"."""
        if not self.has_go:
            return "no Go"
        done = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, check=True, text=True)
        return done.stdout.strip().replace("go", "Go ")

    def warm_up(self):
        """Python's compiled files are in place before anything is timed."""
        for statement in IMPORTS.values():
            self._cpu_ms([PYTHON, "-c", statement])

    def one_round(self):
        take("", [PYTHON, os.path.join(HERE, "calls.py")], environment=self.environment)
        if self.has_go:
            take("", [self.program("bench_go"), "calls"], environment=self.environment)
        for _ in range(TURNS):
            self._imports()
        self._sweeps()

    def _imports(self):
        for name, statement in IMPORTS.items():
            note(name, self._cpu_ms([PYTHON, "-c", statement]))

    def _cpu_ms(self, command):
        """CPU time of a whole process, its start and its end included."""
        process = os.posix_spawn(command[0], command, self.environment)
        _, status, used = os.wait4(process, 0)
        if status != 0:
            raise SystemExit(f"{' '.join(command)} failed")
        return (used.ru_utime + used.ru_stime) * 1000

    def _sweeps(self):
        """The server ends with its standard input."""
        pipe = subprocess.PIPE
        with subprocess.Popen([self.program("sweep_server")], stdin=pipe, stdout=pipe, text=True) as server:
            port = server.stdout.readline().strip()
            self._sweep_once("keep", port)  # a server's first clients find it faster than all later ones do
            document = self._sweep_once("text", "keep", port)
            self._sweep_in_turn(port, document)

    def _sweep_once(self, *arguments):
        command = [self.program("sweep"), *arguments, str(TARGETS)]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout

    def _sweep_in_turn(self, port, document):
        """Each language is the first once: what came before matters on two cores."""
        sweeps = [
            ([self.program("sweep"), "keep", port, str(TARGETS)], None),
            ([PYTHON, os.path.join(HERE, "sweep.py")], document),
        ]
        if self.has_go:
            sweeps.append(([self.program("bench_go"), "sweep"], document))
        for turn in range(TURNS):
            first = turn % len(sweeps)
            for command, text in sweeps[first:] + sweeps[:first]:
                take("", command, text, self.environment)


# ---- rows ----

def call_rows(language, bare, decoder, most_us):
    rows = []
    for what, name, unit, digits in CALLS:
        own, peer, over = (f"{language}_{name}_{way}_{unit}" for way in ("own", "bare", "over"))
        row = share_of_time(what, own, unit, digits, bare, peer)
        if name in WITH_GOAL:
            row[3:] = [f"{median(over):.2f} us more", f"<= {most_us} us more", verdict(median(over) <= most_us)]
        rows.append(row)
    own, peer, loads = (f"{language}_records_{way}_ms" for way in ("own", "bare", "loads"))
    rows.append(share_of_time(RECORDS, own, "ms", 2, f"{bare}, as one text", peer))
    rows.append(share_of_time("the same", own, "ms", 2, f"that and {decoder}", loads))
    return rows


def python_rows():
    return call_rows("python", "bare ctypes", "json.loads", 1.5)


def go_rows(bindings):
    if not bindings.has_go:
        return [not_measured(CALLS[0][0], "bare cgo", "<= 1 us more", NO_GO)]
    return call_rows("go", "bare cgo", "json.Unmarshal", 1)


def sweep_row(language, name, least):
    own, peer = f"sweep_{language}_per_second", "sweep_c_per_second"
    r = ratio(own, peer)
    shown = f"C: {figure(peer, '/s')}"
    return [f"the same from {name}", figure(own, "/s"), shown, f"{r:.2f}x", f">= {least}x", verdict(r >= least)]


def cpu_row(language, name):
    return share_of_time(f"of it CPU time a target, {name}", f"sweep_{language}_cpu_us", "us", 1, "C", "sweep_c_cpu_us")


def sweep_rows(bindings):
    what = f"{TARGETS:,} targets found healthy over HTTP, connections kept, the result read, from C"
    rows = [
        [what, figure("sweep_c_per_second", "/s"), "", "", "", ""],
        sweep_row("python", "Python", 0.9),
        cpu_row("python", "Python"),
    ]
    if not bindings.has_go:
        return [*rows, not_measured("the same from Go", "C", ">= 0.95x", NO_GO)]
    return [*rows, sweep_row("go", "Go", 0.95), cpu_row("go", "Go")]


def import_rows():
    def process(what, name, *most):
        return share_of_time(what, name, "ms", 1, "`import requests`", "import_requests_ms", *most)

    return [
        process("a Python process that imports and calls once", "import_nipops_ms", 0.4),
        process("one that writes and reads a note", "import_and_store_ms"),
        ["one that does nothing", figure("import_nothing_ms", "ms", 1), "", "", "", ""],
    ]
