#!/usr/bin/env python3
"""Weeks of a real Prometheus collected at once and in random pieces: the same bytes, and of counters the sums that they were made with.

usage: collect.py HELPER PROMETHEUS PROMTOOL [WINDOWS]
"""
import pathlib, random, shutil, subprocess, sys, tempfile, time, urllib.request

from kill import ports

SCRAPE, DAYS, SLICE = 30, 30, 60
HOUR, DAY = 3600, 86400


class Counter:
    """A counter that begins anew now and then, and what of it falls into which slice (begin, end]."""

    def __init__(self, name, labels):
        self.name, self.labels, self.value, self.samples = name, labels, 0, []

    def scrape(self, at):
        self.samples.append((at, self.value))


def clean(chance, begin, end, expected):
    """Two processes, always scraped. What is bad is not there before the first bad event since a process began."""
    made = []
    for offset, name in enumerate("ab"):
        sides = [Counter("clean", f'instance="{name}",side="{side}"') for side in ("total", "bad")]
        for at in range(begin + offset * 7, end, SCRAPE):
            if sides[1].value > 200 and chance.random() < 0.002:  # what counted less at its end would begin unseen
                sides[0].value = sides[1].value = 0
            bad = chance.randrange(1, 60) if chance.random() < 0.2 else 0
            for side, events in zip((0, 1), (bad + chance.randrange(100), bad)):
                sides[side].value += events
                counted = expected.setdefault((at - 1) // SLICE, [0, 0])
                counted[side] += events
            sides[0].scrape(at)
            if sides[1].value > 0:
                sides[1].scrape(at)
        made += sides
    return made


def silences(chance, begin, end):
    """When an instance is scraped: misses, gaps, and silences longer than anybody remembers."""
    at = begin
    while at < end:
        yield at
        at += SCRAPE + (chance.randrange(1, chance.choice((60, 200, 900, 3500, 9000))) if chance.random() < 0.01 else 0)


def messy(chance, begin, end):
    """Processes that come, restart and go; the same requests as a counter, as a histogram, and as up."""
    made = []
    for name in "pqr":
        labels = f'instance="{name}"'
        first = begin + chance.randrange(0, 5 * DAY) if name == "r" else begin
        total, good, up = Counter("messy", labels + ',side="total"'), Counter("messy", labels + ',side="good"'), Counter("messy_up", labels)
        bounds = [Counter("messy_bucket", labels + f',le="{bound}"') for bound in ("0.1", "0.5", "2", "+Inf")]
        for at in silences(chance, first + chance.randrange(SCRAPE), end):
            if chance.random() < 0.002:
                for counter in (total, good, *bounds):
                    counter.value = 0
            counts = [chance.randrange(9) for _ in bounds]
            for i, counter in enumerate(bounds):
                counter.value += sum(counts[: i + 1])
                counter.scrape(at)
            total.value += sum(counts)
            good.value += sum(counts[:2])
            up.value = int(chance.random() < 0.95)
            for counter in (total, good, up):
                counter.scrape(at)
        made += [total, good, up, *bounds]
    return made


def write(path, series):
    families = {"clean": "gauge", "messy": "gauge", "messy_up": "gauge", "messy_bucket": "gauge"}  # a gauge: names stay as they are
    with open(path, "w") as out:
        for family, kind in families.items():
            print(f"# TYPE {family} {kind}", file=out)
            for one in (one for one in series if one.name == family):
                out.writelines(f"{one.name}{{{one.labels}}} {value} {at}\n" for at, value in one.samples)
        print("# EOF", file=out)


def start(options, folder, port):
    (folder / "prometheus.yml").write_text("scrape_configs: []\n")
    subprocess.run([options[1], "tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=1000h", folder / "history.om", folder / "data"],
                   check=True, stdout=subprocess.DEVNULL)
    process = subprocess.Popen([options[0], f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                "--storage.tsdb.retention.time=100y", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error",
                                "--query.max-samples=9000"])
    for _ in range(1500):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2).read()
            return process
        except OSError:
            assert process.poll() is None, "Prometheus did not start"
            time.sleep(0.01)
    raise AssertionError("Prometheus is not ready")


def main():
    helper, windows = sys.argv[1], sys.argv[4] if len(sys.argv) > 4 else "200"
    folder, port = pathlib.Path(tempfile.mkdtemp(prefix="nipops-collect.")), ports.take(1)
    chance = random.Random(20260301)
    begin = (int(time.time()) - (DAYS + 2) * DAY) // DAY * DAY
    end = begin + DAYS * DAY
    expected, process = {}, None
    try:
        series = clean(chance, begin, end, expected) + messy(chance, begin, end)
        write(folder / "history.om", series)
        first, last = begin // SLICE + 120, end // SLICE - 10
        (folder / "expected").write_text("".join(f"{i} {expected[i][0]} {expected[i][1]}\n" for i in range(first, last)))
        began = time.time()
        process = start(sys.argv[2:4], folder, port)
        print(f"{sum(len(one.samples) for one in series)} samples of {len(series)} series, served after {time.time() - began:.1f} s", flush=True)
        code = subprocess.run([helper, f"http://127.0.0.1:{port}", folder / "expected", windows]).returncode
    finally:
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        ports.give_back(port)
    print(f"{'1 passed, 0' if code == 0 else '0 passed, 1'} failed")
    sys.exit(code != 0)


if __name__ == "__main__":
    main()
