#!/usr/bin/python3 -SE
"""The smallest app that can be released: says its version, and that it is healthy. A version that ends in "-bad" lets only its first instance
live, so that a release of it fails in the middle."""
import os, socket, sys

port, version, folder = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if version.endswith("-bad"):
    try:
        os.close(os.open(f"{folder}/first", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        sys.exit("only one instance of this version can run")
listener = socket.create_server(("127.0.0.1", port), backlog=64)
body = b'{"status": "healthy", "version": "%s"}' % version.encode()
reply = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
while True:
    connection, _ = listener.accept()
    with connection:
        connection.settimeout(2)
        try:
            connection.recv(4096)
            connection.sendall(reply)
        except OSError:
            pass
