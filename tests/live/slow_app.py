#!/usr/bin/python3
"""An app without manners: it needs two seconds before it listens, 200 ms for a reply, keeps connections open, and dies at once when it is told to
stop, whatever it has in hand. Nobody notices only if nobody is sent to it any more."""
import asyncio, sys

port, version = int(sys.argv[1]), sys.argv[2]


async def serve(reader, writer):
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            health = head.startswith(b"GET /health ")
            if not health:
                await asyncio.sleep(0.2)
            body = b'{"status": "healthy", "version": "%s"}' % version.encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    await asyncio.sleep(2)
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=256)
    async with server:
        await server.serve_forever()


asyncio.run(main())
