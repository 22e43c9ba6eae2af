"""Runs the programs round-robin, sets medians against goals, prints one table and writes docs/performance.md.

    table.py BUILD-FOLDER PROGRAMS-FOLDER SCRATCH-FOLDER OUTPUT [sweep|rest]

With a part named, only that one is measured: the other rows of the page stay as they are.

A ratio is the median of the rounds' own ratios, so that what slows a whole round down does not count.
"""
import os
import platform
import re
import shutil
import subprocess
import sys
import time

from bindings import Bindings, go_rows, import_rows, python_rows, sweep_rows
from figures import at_most, figure, has, median, not_measured, ratio, share_of_time, take, verdict, versus
from sweeps import Sweeps

ROUNDS = int(os.environ.get("ROUNDS", "7"))
SWEEP_ROUNDS, SWEEP_SECONDS = 3, 600  # sweeps by themselves: no further round that would end later, but so many at least
HERE = os.path.dirname(os.path.abspath(__file__))
BUILD, PROGRAMS, SCRATCH, OUTPUT = sys.argv[1:5]
ONLY = sys.argv[5] if len(sys.argv) > 5 else ""
LIBRARY = os.path.join(BUILD, "libnipops", "libnipops.so.0")
DEPENDENCIES = ["libcurl.so.4", "libyaml-0.so.2", "libsqlite3.so.0", "libsodium.so.23", "libpcre2-8.so.0", "libpq.so.5"]
KEEP_MEMORY = ["env", *(f"MALLOC_{what}_=400000000" for what in ("TOP_PAD", "TRIM_THRESHOLD", "MMAP_THRESHOLD"))]
STEPS = [1000, 10000, 50000]
LOADS = 3  # short ones: a few a round
BINDINGS = Bindings(BUILD, PROGRAMS)
SWEEPS = Sweeps(BUILD, PROGRAMS)
SWEEP_SECTION = "A sweep"
MATRIX = os.path.join(PROGRAMS, "matrix.json")
HAS_GO_YAML = os.path.exists(os.path.join(PROGRAMS, "yaml_peer"))


def program(name):
    return os.path.join(PROGRAMS, name)


def scratch():
    shutil.rmtree(SCRATCH, ignore_errors=True)
    os.makedirs(SCRATCH)
    return SCRATCH


def one_round(document):
    take("", [program("journal"), scratch()])
    take("", [program("burn")])
    take("", [program("histogram")])
    take("", ["/usr/bin/python3", os.path.join(HERE, "histogram_peer.py")])
    take("", [program("yaml")])
    take("", ["/usr/bin/python3", os.path.join(HERE, "yaml_peers.py")], document)
    if HAS_GO_YAML:
        take("", [program("yaml_peer")], document)
    for _ in range(LOADS):
        take("", [program("load"), "nipops", LIBRARY])
        take("", [program("load"), "peers", *DEPENDENCIES])
    for steps in STEPS:
        take(f"{steps}.", [program("machine"), str(steps)])
    for reader in ("nipops", "cjson"):
        take("", [program("plan"), reader, "10000"])
        take("warm.", [*KEEP_MEMORY, program("plan"), reader, "10000"])
    for reader in ("nipops", "cjson"):
        take("", [program("matrix"), reader, MATRIX])
    BINDINGS.one_round()


def flushes(records):
    command = ["strace", "-f", "-c", "-e", "trace=fsync,fdatasync", program("journal"), scratch(), str(records)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    totals = [line.split() for line in done.stderr.splitlines() if line.endswith(" total")]
    if done.returncode != 0 or not totals:
        sys.exit(f"strace failed:\n{done.stderr}")
    return int(totals[0][3])  # % time, seconds, usecs/call, calls


def stripped_kb():
    target = os.path.join(PROGRAMS, "stripped.so")
    subprocess.run(["strip", "-o", target, LIBRARY], check=True)
    return os.path.getsize(target) / 1000


def disk_is_free():
    """A flush of an idle disk takes 0.1 to 0.3 ms here; beyond this, waiting hides what is to be measured."""
    return median("append_raw_us") < 500


def journal_rows():
    none = flushes(0)
    per_commit = (flushes(100) - none) / 100
    long_run = (flushes(2000) - none) / 2000
    single = "one durable record of 512 bytes, `nip_journal_append`"
    group = f"no call; the store's own parts: {figure('group_us', 'us')}"
    group_peer = f"64 writes + fdatasync: {figure('group_raw_us', 'us')}"
    group_ratio = f"{ratio('group_raw_us', 'group_us'):.2f}x"
    cpu_peer = f"write + fdatasync: {figure('append_raw_cpu_us', 'us')}"
    row = versus(single, "append_us", "write + fdatasync", "append_raw_us", "us", 0, 0.85)
    if not disk_is_free():
        row[-1] = "undecided: the disk was the limit"
    missing = verdict(False, "no call appends a group")
    return [
        row,
        ["of it CPU time", figure("append_cpu_us", "us"), cpu_peer, "", "", ""],
        ["64 records in one commit", group, group_peer, group_ratio, ">= 1.0x", missing],
        ["flushes a commit, by strace", f"{per_commit:.2f}", "", "", "exactly 1", verdict(per_commit == 1)],
        ["the same over 2,000, folding the log into the database included", f"{long_run:.3f}", "", "", "", ""],
    ]


def go_yaml_row():
    if not HAS_GO_YAML:
        return not_measured("the same", "Go yaml.v3", ">= 2.5x", "Go or golang-gopkg-yaml.v3-dev is not installed")
    return versus("the same", "yaml_us", "Go yaml.v3", "yaml_go_us", "us", 0, 2.5)


def yaml_rows():
    def refused(what, bytes_name, name):
        return at_most(f"refused: {what}, {median(bytes_name):,.0f} bytes", name, "ms", 2, 20)

    document = "document of 10 KB loaded and checked"
    return [
        versus(document, "yaml_us", "libyaml's document loader, no checks", "yaml_bare_us", "us", 0, 0.7),
        at_most("the same, as a time", "yaml_us", "us", 0, 280),
        versus("the same", "yaml_us", "PyYAML CSafeLoader", "yaml_pyyaml_c_us", "us", 0, 5),
        versus("the same", "yaml_us", "PyYAML safe_load", "yaml_safe_load_us", "us", 0, 45),
        go_yaml_row(),
        refused("20,000 anchors", "anchors_bytes", "anchors_ms"),
        refused("10,000 brackets", "brackets_bytes", "brackets_ms"),
    ]


def footprint_rows():
    take("", [program("load"), "curl", LIBRARY])
    before, after = median("curl_inits_before"), median("curl_inits_after")
    inits = f"{before:.0f} before any HTTP, {after:.0f} after the first request"
    first_use = verdict(before == 0 and after == 1)
    size = stripped_kb()
    load = ratio("load_ms", "load_peers_ms")
    load_time = figure("load_ms", "ms", 2)
    peers = f"dlopen of its dependencies: {figure('load_peers_ms', 'ms', 2)}"
    return [
        ["`libnipops.so`, stripped", f"{size:,.0f} KB", "", "", "<= 500 KB", verdict(size <= 500)],
        ["dlopen and a first call", load_time, peers, f"{load:.2f}x the time", "<= 1.2x", verdict(load <= 1.2)],
        at_most("the same, as a time", "load_ms", "ms", 2, 5.4),
        at_most("resident memory after it", "load_rss_mb", "MB", 1, 12, "dependencies alone", "load_peers_rss_mb"),
        ["calls of curl_global_init", inits, "", "", "on first use only", first_use],
        *import_rows(),
    ]


def growth(what, above, below):
    r = ratio(above, below)
    return [what, figure(above, "ns"), figure(below, "ns"), f"{r:.2f}x the time", "<= 1.2x", verdict(r <= 1.2)]


def machine_rows():
    rate, peer = "10000.records_per_second", "10000.bare_chain_per_second"
    shown = f"the chain's two SHA-256 a record, nothing else: {figure(peer, '/s')}"
    what = "records a second through the machine, journal in memory, hash chain on"
    met = verdict(median(rate) >= 200000)
    return [
        [what, figure(rate, "/s"), shown, f"{ratio(rate, peer):.2f}x", ">= 200,000 /s", met],
        growth("a step of 10,000: the last 1,000 against the first 1,000", "10000.step_last_ns", "10000.step_first_ns"),
        growth("a step of a 10,000-step run against one of a 1,000-step run", "10000.step_ns", "1000.step_ns"),
        growth("a step of a 50,000-step run against one of a 1,000-step run", "50000.step_ns", "1000.step_ns"),
    ]


def plan_rows():
    first = "a canary of 10,000 instances planned from JSON text, first plan of a process"
    peer = f"cJSON reads the same text ({median('plan_text_mb'):.1f} MB)"
    return [
        at_most(first, "plan_first_ms", "ms", 1, 5, peer, "plan_cjson_first_ms"),
        at_most("the same, later plans", "plan_ms", "ms", 1, 5, "cJSON", "plan_cjson_ms"),
        at_most("the same, malloc told to keep its memory", "warm.plan_ms", "ms", 1, 5, "cJSON", "warm.plan_cjson_ms"),
    ]


def matrix_rows():
    reply = f"a reply of Prometheus of {median('matrix_mb'):.0f} MB, from a transfer's pieces to the sum of its samples"
    memory = "the process's memory at its largest"
    return [
        versus(reply, "matrix_ms", "held whole, read by cJSON", "matrix_cjson_ms", "ms", 0, 5),
        at_most(memory, "matrix_memory_mb", "MB", 1, 16, "cJSON", "matrix_cjson_memory_mb"),
    ]


def numpy_rows(recorded):
    if not has("record_numpy_ns"):
        return [not_measured(recorded, "numpy.histogram", ">= 15x", "python3-numpy is not installed")]
    return [
        versus(recorded, "record_n_ns", "numpy.histogram, the same buckets", "record_numpy_ns", "ns", 2, 15),
        versus("the same", "record_n_ns", "numpy's bincount of the doubles' bits", "record_numpy_bits_ns", "ns", 2, 2),
    ]


def histogram_rows():
    recorded = "a million latencies, `nip_histogram_record_n`, each"
    merged = "`nip_histogram_merge`, values within five octaves"
    return [
        share_of_time(recorded, "record_n_ns", "ns", 2, "their buckets incremented, nothing else", "record_plain_ns"),
        *numpy_rows(recorded),
        ["one by one, `nip_histogram_record`", figure("record_ns", "ns", 2), "", "", "", ""],
        at_most(merged, "merge_us", "us", 2, 1),
        at_most("the same, all of the million", "merge_wide_us", "us", 2, 1),
        ["a quantile of the million", figure("quantile_us", "us", 2), "", "", "", ""],
        ["its bytes", f"{median('histogram_bytes'):,.0f} bytes", "", "", "", ""],
    ]


def service_level_rows():
    return [at_most("what four alert pairs would have told in 30 days of minutes", "burn_replay_ms", "ms", 2, 1)]


def other_sections():
    return [
        ("C journal", journal_rows()),
        ("D YAML", yaml_rows()),
        ("H health", sweep_rows(BINDINGS)),
        ("Histograms", histogram_rows()),
        ("I footprint", footprint_rows()),
        ("Machine", machine_rows()),
        ("Planning", plan_rows()),
        ("Prometheus", matrix_rows()),
        ("Python", python_rows()),
        ("Service levels", service_level_rows()),
        ("Go", go_rows(BINDINGS)),
    ]


def old_sections():
    """The page's rows, section by section."""
    found = []
    with open(OUTPUT, encoding="utf-8") as page:
        lines = [line for line in page.read().splitlines() if line.startswith("| ")][2:]
    for line in lines:
        name, *cells = (cell.strip() for cell in line.strip()[1:-1].split("|"))
        if name:
            found.append((name, []))
        found[-1][1].append(cells)
    return found


def sections():
    if not ONLY:
        return [(SWEEP_SECTION, SWEEPS.rows()), *other_sections()]
    old = old_sections()
    if ONLY == "sweep":
        return [(SWEEP_SECTION, SWEEPS.rows()), *(part for part in old if part[0] != SWEEP_SECTION)]
    return [*(part for part in old if part[0] == SWEEP_SECTION), *other_sections()]


HEAD = ["", "what", "libnipops", "peer", "ratio", "goal", ""]


def table(parts):
    rows = [[name if i == 0 else "", *row] for name, part in parts for i, row in enumerate(part)]
    lines = ["| " + " | ".join(cells) + " |" for cells in (HEAD, ["---"] * len(HEAD), *rows)]
    return "\n".join(lines) + "\n"


def version(package):
    command = ["dpkg-query", "-W", "-f", "${Version}", package]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    return done.stdout or "?"


def system():
    release = platform.freedesktop_os_release() if os.path.exists("/etc/os-release") else {}
    kernel = re.match(r"[\d.]*\d", platform.release()).group(0)
    cores = {1: "one core", 2: "two cores"}.get(os.cpu_count(), f"{os.cpu_count()} cores")
    return f"{cores}, Linux {kernel}, {release.get('NAME', '?').split()[0]} {release.get('VERSION_ID', '')}"


def disk():
    raw = median("append_raw_us")
    if disk_is_free():
        return f"A flush took {raw:.0f} us."
    return f"A flush took {raw / 1000:.1f} ms, since\n  others used the disk or its operations a second were limited: then the journal's rows say little."


def introduction(before, after):
    libraries = {
        "libcurl": "libcurl4", "libyaml": "libyaml-0-2", "SQLite": "libsqlite3-0", "libsodium": "libsodium23", "PCRE2": "libpcre2-8-0",
        "libpq": "libpq5", "cJSON": "libcjson1", "PyYAML": "python3-yaml",
        "numpy": "python3-numpy", "gcc": "gcc",
    }
    versions = ", ".join(f"{name} {version(package)}" for name, package in libraries.items())
    return f"""# Performance

Written by `sh tests/bench/run.sh`; nothing here is written by hand, and no test looks at a time.

- Where: {system()}. The library as `meson setup` builds it by default (-O2).
  {versions}, Python {platform.python_version()}, {BINDINGS.go_version()}.
- How: {ROUNDS} rounds, each of which runs every program once, library and peer in turn. A figure is the median, with the
  lowest and the highest in brackets; a ratio is the median of the rounds' own ratios. What waits for a disk,
  and the rate of a health sweep, is measured in elapsed time, all else in CPU time.
- Noise: the load was {before:.1f} at the beginning and {after:.1f} at the end, and the machine is a guest that shares its
  host and its disk. Absolute figures are worth +-25 % at best, ratios about +-10 %. {disk()} A disk without a protected
  cache is 5 to 50 times slower, for the library and for its peers alike.
- "x" is how many times as fast as the peer, unless it says "the time".

"""


SWEEPS_APART = "- The rows of health sweeps"
ABOUT_SWEEPS = """\
- Health sweeps: clients run on one core, servers on the other. "Bare" is a program that does the same checks with libcurl or sockets alone. Where a goal is missed, what bare libcurl reaches in the same rounds stands beside it.
- The goal of 14 us of CPU time a check was set where bare libcurl took 11.7 us; that of 4.5 latencies, where it took 3.9.
- Rows named "trap" stand beside a program that takes libcurl as it is: they say what is saved by knowing better.
"""


def old_lines():
    with open(OUTPUT, encoding="utf-8") as page:
        text = page.read()
    return [line for line in text[:text.index("\n| ") + 1].splitlines() if line]


def head_of_page(rounds, before, after):
    """What is said of rows that were not measured now stays: a part measured by itself says so."""
    said = [line for line in old_lines() if line.startswith(SWEEPS_APART)]
    about = ABOUT_SWEEPS.splitlines()
    if ONLY == "sweep":
        lines = [line for line in old_lines() if line not in said + about]
        said = [f"{SWEEPS_APART} were measured by themselves: {rounds} rounds, load {before:.1f} to {after:.1f}."]
    else:
        lines = [line for line in introduction(before, after).splitlines() if line]
    lines += about + (said if ONLY else [])
    return "\n".join([lines[0], "", lines[1], "", *lines[2:], "", ""])


def is_long_enough(done, began):
    expected = (time.monotonic() - began) / done * (done + 1)
    return ONLY == "sweep" and done >= SWEEP_ROUNDS and expected > SWEEP_SECONDS


def measure():
    """Returns how many rounds there were."""
    document, began = "", time.monotonic()
    if ONLY != "sweep":
        BINDINGS.warm_up()
        subprocess.run([program("matrix"), "write", MATRIX], check=True)
        document = subprocess.run([program("yaml"), "text"], capture_output=True, check=True, text=True).stdout
    for i in range(ROUNDS):
        print(f"round {i + 1} of {ROUNDS}", file=sys.stderr)
        if ONLY != "sweep":
            one_round(document)
        if ONLY != "rest":
            SWEEPS.one_round()
        if is_long_enough(i + 1, began):
            return i + 1
    return ROUNDS


def main():
    before = os.getloadavg()[0]
    try:
        if ONLY != "rest":
            SWEEPS.start()
        rounds = measure()
    finally:
        SWEEPS.stop()
    text = table(sections())
    shutil.rmtree(SCRATCH, ignore_errors=True)
    print(text)
    introduced = head_of_page(rounds, before, os.getloadavg()[0])
    with open(OUTPUT, "w", encoding="utf-8") as out:
        out.write(introduced + text)


started = time.monotonic()
main()
print(f"{time.monotonic() - started:.0f} s", file=sys.stderr)
