#!/usr/bin/env python3
"""An app that a real Prometheus scrapes, with all that happens to one: it restarts, its errors have no counter before the first of them, nobody reaches it
for a while. What was collected of it is what it counted itself.

usage: scraped.py HELPER PROMETHEUS
"""
import http.server, json, pathlib, shutil, subprocess, sys, tempfile, threading, time, urllib.request

from kill import ports


class App:
    """Each scrape finds a few more requests, while it works."""

    def __init__(self):
        self.total, self.bad, self.working, self.reachable = 1000, 0, False, True
        self.seen = {"total": 0, "bad": 0}  # events that a scrape has found
        self.unseen = 0                     # ... and none will tell apart any more

    def scraped(self):
        if self.working:
            self.total += 3
            self.seen["total"] += 3 + self.unseen
            self.unseen = 0
        bad = f"app_bad_total {self.bad}\n" if self.bad > 0 else ""
        return f"app_total {self.total}\n{bad}"

    def fail(self, count):
        self.bad += count
        self.total += count
        self.unseen += count
        self.seen["bad"] += count

    def restart(self):
        self.total = self.bad = 0


def serve(app, port):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = app.scraped().encode() if app.reachable else b""
            self.send_response(200 if app.reachable else 503)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def start_prometheus(prometheus, folder, port, app_port):
    (folder / "prometheus.yml").write_text(
        f"scrape_configs:\n- {{job_name: app, scrape_interval: 200ms, scrape_timeout: 200ms, static_configs: [{{targets: ['127.0.0.1:{app_port}']}}]}}\n")
    process = subprocess.Popen([prometheus, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
                                f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
    for _ in range(1500):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=2).read()
            return process
        except OSError:
            assert process.poll() is None, "Prometheus did not start"
            time.sleep(0.01)
    raise AssertionError("Prometheus is not ready")


def wait_whole(seconds):
    """Sleeps until the middle of a second, so that its borders are quiet."""
    until = int(time.time()) + seconds + 0.5
    time.sleep(until - time.time())
    return int(until)


def live(app):
    """What happens to the app, and the seconds in between which all of it did."""
    begin = wait_whole(7) + 1  # the server begins to scrape after five
    wait_whole(2)
    app.working = True
    time.sleep(1)
    app.fail(7)  # the first ones ever
    time.sleep(1)
    app.restart()
    time.sleep(3)
    app.fail(5)  # nothing was there of them for three seconds; fewer than before
    time.sleep(1)
    app.restart()
    time.sleep(3)
    app.fail(9)  # more than before: only the others of its target tell that it was another process
    time.sleep(1)
    app.reachable = False
    time.sleep(3)
    app.reachable = True
    time.sleep(2)
    app.working = False
    end = wait_whole(2)
    wait_whole(3)
    return begin, end


def main():
    helper, prometheus = sys.argv[1:3]
    folder, port = pathlib.Path(tempfile.mkdtemp(prefix="nipops-scraped.")), ports.take(2)
    app = App()
    server, process = serve(app, port + 1), None
    try:
        process = start_prometheus(prometheus, folder, port, port + 1)
        begin, end = live(app)
        told = json.loads(subprocess.run([helper, f"http://127.0.0.1:{port}", "scraped", str(begin), str(end)], check=True, capture_output=True).stdout)
    finally:
        server.shutdown()
        if process is not None:
            process.terminate()
            process.wait()
        shutil.rmtree(folder, ignore_errors=True)
        ports.give_back(port)
    events = told["result"]["indicators"][0]
    print(f"seen {app.seen}, told {told}")
    placed = told["good"] + told["bad"] + events["hidden"] + events["unplaced"]
    checks = {"bad": told["bad"] == app.seen["bad"], "all": placed == app.seen["total"], "births": events["births"] == 3,
              "gaps": events["gaps"] >= 1, "problems": not events["problems"], "down": 2000 <= told["down_ms"] <= 4000}
    wrong = [name for name, good in checks.items() if not good]
    print(f"{'1 passed, 0' if not wrong else '0 passed, 1'} failed", *wrong)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
