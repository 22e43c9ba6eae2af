#!/usr/bin/env python3
"""A canary judged by a real Prometheus whose history was made beforehand: 1.1 has 0.1 % errors, 1.2 has 12 %, 1.3 is slow, of 1.4 nothing is known. The first
is promoted, the next two are taken back, the last one waits for data and then for a person.

usage: prometheus.py NIPOPS HAPROXY PROMETHEUS PROMTOOL
"""
import argparse, os, pathlib, shutil, signal, subprocess, sys, tempfile, time, urllib.request

import kill
from kill import ports

QUERIES = """
  metrics:
    driver: prometheus
    url: "http://127.0.0.1:{prometheus}"
    queries:
      errors: 'sum(increase(http_requests_total{{version="{{version}}",code="500"}}[{{window}}]))'
      total: 'sum(increase(http_requests_total{{version="{{version}}"}}[{{window}}]))'
      latency_p95: 'histogram_quantile(0.95, sum by (le) (increase(http_request_seconds_bucket{{version="{{version}}"}}[{{window}}])))'
"""
GUARD = "    guard: {{interval: 2s, settle: 4s, error_rate: {{max: 1.0}}, latency_p95: {{max: 500ms}}, min_samples: 50, max_hold: 3s}}\n"

# events a second by code, and how many of them are faster than half a second
HISTORY = {"1.0": (999, 1, 0.99), "1.1": (999, 1, 0.99), "1.2": (880, 120, 0.99), "1.3": (1000, 0, 0.10)}


def write_history(path, now):
    with open(path, "w") as out:
        print("# TYPE http_requests counter", file=out)
        for version, (good, bad, _) in HISTORY.items():
            for code, rate in (("200", good), ("500", bad)):
                for second in range(0, 1800, 1):
                    print(f'http_requests_total{{version="{version}",code="{code}"}} {rate * second} {now - 900 + second}', file=out)
        print("# TYPE http_request_seconds histogram", file=out)
        for version, (good, bad, fast) in HISTORY.items():
            for limit, part in (("0.1", fast * 0.9), ("0.5", fast), ("2", 1.0), ("+Inf", 1.0)):
                for second in range(0, 1800, 1):
                    print(f'http_request_seconds_bucket{{version="{version}",le="{limit}"}} {(good + bad) * second * part} {now - 900 + second}',
                          file=out)
        print("# EOF", file=out)


class Prometheus:
    def __init__(self, options):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="nipops-prometheus."))
        self.port = ports.take(1)
        write_history(self.folder / "history.om", int(time.time()))
        (self.folder / "prometheus.yml").write_text("scrape_configs: []\n")
        subprocess.run([options.promtool, "tsdb", "create-blocks-from", "openmetrics", self.folder / "history.om", self.folder / "data"],
                       check=True, stdout=subprocess.DEVNULL)
        self.process = subprocess.Popen([options.prometheus, f"--config.file={self.folder}/prometheus.yml",
                                         f"--storage.tsdb.path={self.folder}/data", "--storage.tsdb.retention.time=100y",
                                         f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=error"])
        for _ in range(1500):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=2).read()
                return
            except OSError:
                assert self.process.poll() is None, "Prometheus did not start"
                time.sleep(0.01)
        raise AssertionError("Prometheus is not ready")

    def close(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        ports.give_back(self.port)


def rolled_out(scene, version, expected_code, expected_text):
    done = scene.nipops("rollout", scene.document(version))
    return done.returncode == expected_code and expected_text in done.stdout + done.stderr, done.stdout + done.stderr


def paused_for_data(scene, version):
    """It pauses for a person; the one who drives it leaves; the person takes it back."""
    process = subprocess.Popen([scene.options.nipops, "rollout", scene.document(version)], stdout=subprocess.PIPE, text=True,
                               env=dict(os.environ, XDG_STATE_HOME=str(scene.folder / "state")))
    lines = []
    for line in process.stdout:
        lines.append(line)
        if " paused" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate()
    scene.must(scene.nipops("abort", "shop", "--by", "test", "--reason", "no data"), 0)
    scene.must(scene.nipops("resume", "shop"), 1)
    return "no_data" in "".join(lines), "".join(lines)


def main():
    parser = argparse.ArgumentParser()
    for name in ("nipops", "haproxy", "prometheus", "promtool"):
        parser.add_argument(name, type=pathlib.Path)
    options = parser.parse_args()
    options.preload = None
    prometheus = Prometheus(options)
    kill.DOCUMENT = kill.DOCUMENT.replace("  health:", QUERIES.strip("\n").replace("{prometheus}", str(prometheus.port)) + "\n  health:")
    kill.DOCUMENT = kill.DOCUMENT.replace("duration: 200ms", "duration: 7s").replace("duration: 100ms", "duration: 7s")
    kill.DOCUMENT = kill.DOCUMENT.replace("  drain_timeout", GUARD + "  drain_timeout")
    scene, problems = kill.Scene(options), []
    try:
        for version, check in (("1.1", lambda: rolled_out(scene, "1.1", 0, "succeeded")),
                               ("1.2", lambda: rolled_out(scene, "1.2", 1, "error_rate 12.00 % is above 1.00 %")),
                               ("1.3", lambda: rolled_out(scene, "1.3", 1, "latency_p95")),
                               ("1.4", lambda: paused_for_data(scene, "1.4"))):
            good, text = check()
            print(f"{version}: {'as expected' if good else 'NOT as expected'}", flush=True)
            if not good:
                problems.append(f"{version}:\n{text}")
    finally:
        scene.close()
        prometheus.close()
    for problem in problems:
        print("FAILED", problem)
    print(f"{'1 passed, 0' if not problems else '0 passed, 1'} failed")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
