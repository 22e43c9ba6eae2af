#!/usr/bin/python3 -SE
"""An app to be shadowed: a small catalogue. Versions differ in what they are asked to by their name: 1.1 answers as 1.0 does, 2.0 has another
price, 3.0 is slow. Every answer bears the time and a number that is never the same twice, as real ones do. Each request is written down, with
what its X-From header says of who asks."""
import os, random, socketserver, sys, time

port, version, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
log = os.open(f"{folder}/seen-{version}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def answer(method, path):
    if path == "/health":
        return 200, "application/json", b'{"status": "healthy"}'
    if path.startswith("/item/"):
        price = 11 if version == "2.0" and path.endswith("3") else 10
        text = ('{"id": "%s", "price": %d, "token": "abcdef", "at": %.6f, "trace": {"id": "%016x"}, "tags": ["a", "b"]}'
                % (path[6:], price, time.time(), random.getrandbits(64)))
        return 200, "application/json; charset=utf-8", text.encode()
    if path.startswith("/page"):
        return 200, "text/html", b"<p>%s at %d ns: welcome" % (b"Shop", time.time_ns())
    if path == "/gone":
        return 404, "text/plain", b"gone"
    return 200, "text/plain", method.encode()


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.settimeout(5)
        line = self.rfile.readline(65536).decode("latin-1").split()
        length, sender = 0, "nobody"
        for header in iter(lambda: self.rfile.readline(65536).decode("latin-1").strip(), ""):
            name, _, value = header.partition(":")
            length = int(value) if name.lower() == "content-length" else length
            sender = value.strip() if name.lower() == "x-from" else sender
        if len(line) < 2:
            return
        self.rfile.read(length)
        path = line[1].partition("?")[0]
        if path != "/health":
            os.write(log, f"{sender} {line[0]} {line[1]}\n".encode())
            if version == "3.0":
                time.sleep(0.05)
        status, kind, body = answer(line[0], path)
        head = f"HTTP/1.1 {status} x\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.wfile.write(head.encode() + (b"" if line[0] == "HEAD" else body))


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


Server(("127.0.0.1", port), Handler).serve_forever()
