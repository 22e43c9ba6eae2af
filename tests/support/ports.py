"""Rows of free ports for tests that run at once.

Ports are free for long before a test listens on them, and between its instances, so looking is not enough: whoever wants a row takes the lock
of a block of ports and keeps it. tests/live/harness.c does the same in C. The blocks lie below the ports that the kernel gives to whoever asks
for any. A test that dies gives its locks back by dying.
"""
import fcntl, os, pathlib, random, socket

FIRST, BLOCK, BLOCKS = 10000, 64, 355  # 10000 to 32719
FOLDER = pathlib.Path(f"/tmp/nipops-ports-{os.getuid()}")

taken = {}  # the first port of each row: the lock of its block


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def lock(first):
    """The lock of the block that begins at `first`, or None when somebody has it."""
    file = open(FOLDER / str(first), "w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return file
    except BlockingIOError:
        file.close()
        return None


def take(count):
    """The first of `count` neighbours that nobody listens on and no other test gets, until they are given back or this process ends."""
    assert 0 < count <= BLOCK
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    start = random.randrange(BLOCKS)
    for number in range(BLOCKS):
        first = FIRST + (start + number) % BLOCKS * BLOCK
        file = lock(first)
        if file is None:
            continue
        if all(is_free(port) for port in range(first, first + count)):
            taken[first] = file
            return first
        file.close()
    raise AssertionError(f"no row of {count} free ports")


def give_back(first):
    taken.pop(first).close()
