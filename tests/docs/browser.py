"""A page in a real browser, and the colours of its picture."""
import struct
import subprocess
import tempfile
import zlib


def pixels(path):
    """The colours of a PNG of 8-bit RGB or RGBA, row by row."""
    with open(path, "rb") as file:
        data = file.read()
    at, packed, width, height, depth = 8, b"", 0, 0, 0
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, bits, colour = struct.unpack(">IIBB", body[:10])
            assert bits == 8 and colour in (2, 6)
            depth = 3 if colour == 2 else 4
        elif kind == b"IDAT":
            packed += body
        at += 12 + length
    raw, size, above = zlib.decompress(packed), width * depth, bytearray(width * depth)
    for row in range(height):
        kind, line = raw[row * (size + 1)], bytearray(raw[row * (size + 1) + 1:(row + 1) * (size + 1)])
        for i in range(size):
            left, corner = (line[i - depth], above[i - depth]) if i >= depth else (0, 0)
            if kind == 1:
                line[i] = line[i] + left & 255
            elif kind == 2:
                line[i] = line[i] + above[i] & 255
            elif kind == 3:
                line[i] = line[i] + (left + above[i]) // 2 & 255
            elif kind == 4:
                guess = left + above[i] - corner
                line[i] = line[i] + min((left, above[i], corner), key=lambda near: abs(guess - near)) & 255
        yield {tuple(line[i:i + 3]) for i in range(0, size, depth)}
        above = line


def browse(chromium, *options):
    """Loads a page without a window. What it says of errors is in stderr."""
    with tempfile.TemporaryDirectory() as profile:
        return subprocess.run(
            [chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--hide-scrollbars", "--window-size=1000,2400",
             "--user-data-dir=" + profile, *options], capture_output=True, text=True, timeout=120)
