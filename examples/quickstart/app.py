#!/usr/bin/python3
"""The web application that quickstart.sh releases: answers with its version, says that it is healthy, ends cleanly on SIGTERM.

While a file fault-VERSION lies in the folder, three of ten ordinary requests are answered 500: a defect that no health check sees.
"""

import argparse
import itertools
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: with Nagle each request costs 40 ms
    version, fault_file = "", ""
    numbers = itertools.count()
    stopping = False
    idle = threading.Condition()
    busy = 0

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        self.count(1)
        try:
            self.serve()
        finally:
            self.count(-1)

    def count(self, change):
        with Handler.idle:
            Handler.busy += change
            Handler.idle.notify_all()

    def serve(self):
        if self.path == "/health":
            self.answer(200, '{"status": "healthy"}\n', "application/json")
        elif next(self.numbers) % 10 < 3 and os.path.exists(self.fault_file):
            self.answer(500, "fault\n", "text/plain")
        else:
            self.answer(200, self.version + "\n", "text/plain")

    def answer(self, status, text, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.send_header("X-Version", self.version)
        if self.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(text.encode())


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a health check that hangs up is no news


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--folder", required=True, help="of the switch, and of a file with each process's id")
    given = parser.parse_args()
    mark = os.path.join(given.folder, "pids", str(os.getpid()))
    open(mark, "w").close()
    Handler.version = given.version
    Handler.fault_file = os.path.join(given.folder, "fault-" + given.version)
    server = Server(("127.0.0.1", given.port), Handler)

    def stop(_number, _frame):
        Handler.stopping = True
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    with Handler.idle:
        Handler.idle.wait_for(lambda: Handler.busy == 0, timeout=5)  # who asked is answered
    os.unlink(mark)


if __name__ == "__main__":
    main()
