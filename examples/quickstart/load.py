#!/usr/bin/python3
"""Users of the quickstart: a steady load over kept connections. Counts what they see and keeps the counts in a file.

A failure is an answer of 500 and above, or no answer at all.
"""

import argparse
import collections
import http.client
import json
import os
import signal
import threading
import time

WORKERS = 8


class Counts:
    def __init__(self, path):
        self.path = path
        self.lock = threading.Lock()
        self.requests = 0
        self.failed = 0
        self.versions = collections.Counter()

    def add(self, status, version):
        with self.lock:
            self.requests += 1
            self.failed += status >= 500
            self.versions[version] += 1

    def write(self):
        with self.lock:
            text = json.dumps({"requests": self.requests, "failed": self.failed, "versions": self.versions})
        with open(self.path + ".part", "w") as out:
            out.write(text)
        os.replace(self.path + ".part", self.path)


def request(connection):
    """Status and version of the answer; 599 when there was none."""
    try:
        connection.request("GET", "/")
        reply = connection.getresponse()
        reply.read()
        return reply.status, reply.headers.get("X-Version", "none")
    except (OSError, http.client.HTTPException):
        connection.close()  # the next request connects again
        return 599, "none"


def work(given, counts, stop, number):
    connection = http.client.HTTPConnection("127.0.0.1", given.port, timeout=10)
    pause = WORKERS / given.rate
    due = time.monotonic() + pause * number / WORKERS
    while not stop.wait(max(0.0, due - time.monotonic())):
        counts.add(*request(connection))
        due = max(due + pause, time.monotonic() - 1)  # no avalanche after a long stall
    connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=200, help="requests a second")
    parser.add_argument("--counts", required=True, help="file")
    given = parser.parse_args()
    counts, stop = Counts(given.counts), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    workers = [threading.Thread(target=work, args=(given, counts, stop, i)) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    while not stop.wait(0.2):
        counts.write()
    for worker in workers:
        worker.join()
    counts.write()


if __name__ == "__main__":
    main()
