#!/usr/bin/python3
"""A small web app for the tests: what an instance of a real service looks like from outside.

GET  /health        200 {"status": "healthy", "version": ...}; 503 {"status": "unhealthy"} after POST /health?healthy=0
GET  /count         200 with the number of requests that were answered by "anything else"
GET  anything else  200 with the version as text, or 500 at the rate of faults that is switched on
POST /fault?rate=X  from now on this part of the requests is answered 500 (0 switches it off)
POST /delay?seconds=X
POST /health?healthy=0|1

SIGTERM: stops accepting, finishes the requests in hand, exits 0.
"""

import argparse
import json
import os
import signal
import socket
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit


class State:
    """What can be switched while the app runs."""

    def __init__(self, options):
        self.version = options.version
        self.lock = threading.Lock()
        self.error_rate = options.error_rate
        self.delay = options.reply_delay
        self.healthy = not options.unhealthy
        self.owed = 0.0  # errors come evenly: no randomness, so that tests can count them
        self.busy = 0
        self.worked = 0
        self.idle = threading.Condition(self.lock)
        self.stopping = False

    def next_is_error(self):
        with self.lock:
            self.owed += self.error_rate
            if self.owed < 1.0 - 1e-9:
                return False
            self.owed -= 1.0
            return True


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # header and body are two writes: with Nagle each request costs 40 ms
    state = None

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, BrokenPipeError):
            pass  # health checks end their connections with RST

    def reply(self, status, body, kind="text/plain"):
        data = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Version", self.state.version)
        if self.state.stopping:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def counted(self, answer):
        state = self.state
        with state.lock:
            state.busy += 1
        try:
            answer()
        finally:
            with state.lock:
                state.busy -= 1
                state.idle.notify_all()

    def do_GET(self):
        known = {"/health": self.answer_health, "/count": self.answer_count}
        self.counted(known.get(urlsplit(self.path).path, self.answer_work))

    do_HEAD = do_GET

    def do_POST(self):
        self.counted(self.answer_switch)

    def answer_health(self):
        good = self.state.healthy
        text = json.dumps({"status": "healthy" if good else "unhealthy", "version": self.state.version})
        self.reply(200 if good else 503, text, "application/json")

    def answer_count(self):
        self.reply(200, f"{self.state.worked}\n")

    def answer_work(self):
        with self.state.lock:
            self.state.worked += 1
        if self.state.delay > 0:
            time.sleep(self.state.delay)
        if self.state.next_is_error():
            self.reply(500, "fault\n")
        else:
            self.reply(200, self.state.version + "\n")

    def answer_switch(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        given = parse_qs(url.query)
        try:
            if url.path == "/fault":
                self.state.error_rate = min(1.0, max(0.0, float(given["rate"][0])))
            elif url.path == "/delay":
                self.state.delay = max(0.0, float(given["seconds"][0]))
            elif url.path == "/health":
                self.state.healthy = given["healthy"][0] == "1"
            else:
                return self.reply(404, "no such switch\n")
        except (KeyError, ValueError):
            return self.reply(400, "the switch needs a value\n")
        return self.reply(200, "ok\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass


def stop_on_sigterm(server, state):
    def stop(_signal, _frame):
        state.stopping = True
        threading.Thread(target=server.shutdown, daemon=True).start()  # shutdown() waits for the loop that we interrupt

    signal.signal(signal.SIGTERM, stop)


def wait_until_idle(state):
    with state.lock:
        while state.busy > 0:
            state.idle.wait()


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=int(os.environ.get("NIPOPS_PORT", "0")),
                        help="0: any free one; the port is printed on the first line")
    parser.add_argument("--version", default=os.environ.get("NIPOPS_VERSION", "0"))
    parser.add_argument("--slow-start", type=float, default=0, metavar="SECONDS", help="do not listen before")
    parser.add_argument("--reply-delay", type=float, default=0, metavar="SECONDS")
    parser.add_argument("--error-rate", type=float, default=0, metavar="RATE", help="part of the requests answered 500")
    parser.add_argument("--unhealthy", action="store_true", help="/health says so until it is switched")
    parser.add_argument("--ignore-term", action="store_true", help="does not stop on SIGTERM")
    parser.add_argument("--exit-with", type=int, metavar="CODE", help="say why, then exit at once")
    parser.add_argument("--child", action="store_true", help="leave a child behind that ignores SIGTERM")
    return parser.parse_args()


def leave_child():
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            signal.pause()
    print("child", child, flush=True)


def main():
    chosen = options()
    if chosen.exit_with is not None:
        print("cannot start: told to exit", file=sys.stderr, flush=True)
        return chosen.exit_with
    if chosen.child:
        leave_child()
    time.sleep(chosen.slow_start)
    state = State(chosen)
    Handler.state = state
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    Server.address_family = family
    try:
        server = Server((chosen.host, chosen.port), Handler)
    except OSError as error:
        print(f"cannot listen on {chosen.host}:{chosen.port}: {error.strerror}", file=sys.stderr, flush=True)
        return 98
    if chosen.ignore_term:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        stop_on_sigterm(server, state)
    print("listening", server.server_address[1], flush=True)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    wait_until_idle(state)
    return 0


if __name__ == "__main__":
    sys.exit(main())
