#!/usr/bin/python3
"""Sweeps and watches over thousands of targets on addresses of 127.0.0.0/8, and the live table on a terminal.

One server on one port answers on every address of 127.1.0.0/16; what it answers depends on the address that was asked.

usage: watch.py PATH-OF-NIPOPS
"""

import collections
import fcntl
import json
import os
import pty
import re
import select
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import unittest

NIPOPS = ""
PATIENCE = 120  # seconds; only a test that hangs waits as long
HOSTILE = b"\x1b[2J\x1b]0;owned\x07\x01\x9b31m\xe2\x80\xaeevil"


class Server:
    """Answers on all addresses of this machine at one port, as `behaviour` says of the address: "good", "ill" (500), "hangs", "hostile"."""

    def __init__(self):
        self.behaviour = collections.defaultdict(lambda: "good")
        self.asked = collections.Counter()
        self.listener = socket.socket()
        self.listener.bind(("0.0.0.0", 0))
        self.listener.listen(4096)
        self.listener.setblocking(False)
        self.port = self.listener.getsockname()[1]
        self.deaf = socket.socket()  # bound, but it does not listen: whoever connects is refused
        self.deaf.bind(("0.0.0.0", 0))
        self.deaf_port = self.deaf.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, None)
        self.ends, self.end = socket.socketpair()
        self.selector.register(self.ends, selectors.EVENT_READ, None)
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def stop(self):
        self.end.close()
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()
        self.deaf.close()

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.ends:
                    return
                if key.fileobj is self.listener:
                    self.accept()
                else:
                    self.answer(key.fileobj)

    def accept(self):
        for _ in range(64):
            try:
                connection, _ = self.listener.accept()
            except BlockingIOError:
                return
            self.selector.register(connection, selectors.EVENT_READ, None)

    def answer(self, connection):
        try:
            address = connection.getsockname()[0]
            behaviour = self.behaviour[address]
            if connection.recv(65536) and behaviour == "hangs":
                self.asked[address] += 1
                return
            status, body = {"ill": (b"500 Ill", b""), "hostile": (b"200 OK", HOSTILE)}.get(behaviour, (b"200 OK", b"ok"))
            connection.send(b"HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
            self.asked[address] += 1
        except OSError:
            pass
        self.selector.unregister(connection)
        connection.close()


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory(prefix="nipops-watch-")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.env = dict(os.environ, XDG_STATE_HOME=os.path.join(self.folder, "state"), HOME=self.folder, TERM="xterm", LC_ALL="C")
        self.env.pop("NO_COLOR", None)
        self.server = Server()
        self.addCleanup(self.server.stop)

    def write(self, targets, **keys):
        path = os.path.join(self.folder, "health.json")
        with open(path, "w") as out:
            json.dump({"health": dict(keys, targets=targets)}, out)
        return path

    def until(self, what, *more):
        """Waits until something holds; it does, or the test fails."""
        end = time.monotonic() + PATIENCE
        while not what(*more):
            self.assertLess(time.monotonic(), end, "it did not come to hold: %s" % what)
            time.sleep(0.01)


class Fleet:
    """Targets and what is to be said of each."""

    COUNTS = (("good", 2600), ("ill", 300), ("hangs", 60), ("refuses", 200), ("flips", 40))

    def __init__(self, server):
        self.targets, self.kinds, self.addresses = [], {}, collections.defaultdict(list)
        number = 0
        for kind, count in self.COUNTS:
            for _ in range(count):
                number += 1
                address = "127.1.%d.%d" % (number // 250, 1 + number % 250)
                url = "http://%s:%d/health" % (address, server.deaf_port if kind == "refuses" else server.port)
                server.behaviour[address] = {"flips": "good", "refuses": "good"}.get(kind, kind)
                self.targets.append(url)
                self.kinds[url] = kind
                self.addresses[kind].append(address)
        self.targets.sort(key=lambda url: hash(url) & 0xFFFF)  # kinds are mixed


REASONS = {"ill": "unhealthy", "hangs": "timeout", "refuses": "connection_refused"}


class Sweep(Case):
    def test_every_verdict_is_right(self):
        fleet = Fleet(self.server)
        document = self.write(fleet.targets, interval="2s", timeout="20s", try_timeout="6s")
        done = subprocess.run([NIPOPS, "health", document, "--json"], env=self.env, stdout=subprocess.PIPE, timeout=PATIENCE)
        self.assertEqual(done.returncode, 1)
        report = json.loads(done.stdout)
        self.assertEqual([target["target"] for target in report["targets"]], fleet.targets)
        self.assertEqual((report["healthy"], report["unhealthy"], report["unknown"]), (2640, 560, 0))
        for target in report["targets"]:
            reason = REASONS.get(fleet.kinds[target["target"]])
            self.assertEqual(target["healthy"], reason is None, target)
            if reason is not None:
                self.assertEqual((target["first_failure"]["reason"], target["successes"], target["latency_ms"]), (reason, 0, None), target)


class Watch(Case):
    def start(self, document, *options):
        process = subprocess.Popen([NIPOPS, "health", document, "--watch", "--json", *options], env=self.env, stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        if process.poll() is None:
            process.kill()
        process.communicate()

    def read_changes(self, process, records, holds):
        while not holds(records):
            line = process.stdout.readline()
            self.assertTrue(line, "it ended with %s" % process.poll())
            records.append(json.loads(line))

    def check_order(self, records):
        self.assertEqual([record["sequence"] for record in records], list(range(1, len(records) + 1)))
        self.assertEqual({record["kind"] for record in records}, {"target.changed"})

    def test_every_change_is_told_once(self):
        fleet = Fleet(self.server)
        flips, records = set(fleet.addresses["flips"]), []
        count = len(fleet.targets)
        process = self.start(self.write(fleet.targets, interval="2s", try_timeout="6s", successes=2, failures=2))
        self.read_changes(process, records, lambda found: len(found) == count)
        for behaviour, number in (("ill", 1), ("good", 2)):
            for address in flips:
                self.server.behaviour[address] = behaviour
            self.read_changes(process, records, lambda found: len(found) == count + number * len(flips))
        asked = self.server.asked.copy()  # two more rounds tell nothing new
        self.until(lambda: all(self.server.asked[address] >= asked[address] + 2 for address in fleet.addresses["good"]))
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=PATIENCE)
        self.assertEqual((process.returncode, rest), (130, ""))
        self.check_order(records)
        told = collections.defaultdict(list)
        for record in records:
            change = record["payload"]
            self.assertEqual(change["target"], fleet.targets[change["index"]])
            told[change["target"]].append((change["from"], change["to"]))
            reason = change["failure"] and change["failure"]["reason"]
            kind = fleet.kinds[change["target"]]
            self.assertEqual(reason, None if change["to"] == "healthy" else REASONS.get(kind, "unhealthy"), record)
        well, ill = ("unknown", "healthy"), ("unknown", "unhealthy")
        wanted = {"good": [well], "flips": [well, ("healthy", "unhealthy"), ("unhealthy", "healthy")]}
        self.assertEqual(dict(told), {url: wanted.get(kind, [ill]) for url, kind in fleet.kinds.items()})

    def test_who_does_not_read_holds_nothing_up(self):
        addresses = ["127.2.%d.%d" % (i // 250, 1 + i % 250) for i in range(1500)]
        process = self.start(self.write(["http://%s:%d/" % (address, self.server.port) for address in addresses], interval="500ms", failures=1))
        for behaviour in ("good", "ill", "good", "ill"):
            for address in addresses:
                self.server.behaviour[address] = behaviour
            asked = self.server.asked.copy()
            self.until(lambda: all(self.server.asked[address] >= asked[address] + 2 for address in addresses))
        records, last = [], {}

        def all_are_ill(found):
            if found:
                last[found[-1]["payload"]["target"]] = found[-1]["payload"]["to"]
            return len(last) == len(addresses) and set(last.values()) == {"unhealthy"}
        self.read_changes(process, records, all_are_ill)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.communicate(timeout=PATIENCE)[0], "")
        self.assertEqual(process.returncode, 130)
        self.check_order(records)
        states = {}
        for record in records:  # each begins where the one before ended
            change = record["payload"]
            self.assertEqual(change["from"], states.get(change["target"], "unknown"))
            self.assertNotEqual(change["from"], change["to"])
            states[change["target"]] = change["to"]

    def test_lines(self):
        targets = ["http://127.0.0.1:%d/" % self.server.port, "http://127.0.0.2:%d/" % self.server.port]
        self.server.behaviour["127.0.0.2"] = "ill"
        process = subprocess.Popen([NIPOPS, "health", *targets, "--watch", "--failures", "1", "--interval", "100ms"], env=self.env,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.end, process)
        lines = sorted(process.stdout.readline()[21:] for _ in range(2))
        self.assertRegex(lines[0], r"^healthy   %s  was unknown  [0-9.e+]+ ms\n$" % targets[0])
        self.assertEqual(lines[1], "unhealthy %s  was unknown  unhealthy: status 500, expected 200 to 299\n" % targets[1])
        process.stdout.close()  # nobody reads any more, and nothing changes: it ends all the same
        self.assertEqual(process.wait(PATIENCE), 1)
        self.assertIn("nobody reads it any more", process.stderr.read())

    def test_quiet(self):
        targets = ["http://127.0.0.1:%d/" % self.server.port, "http://127.0.0.2:%d/" % self.server.port]
        self.server.behaviour["127.0.0.2"] = "ill"
        process = self.start(self.write(targets, watch=True, interval="100ms"), "--quiet", "--failures", "2")
        first = json.loads(process.stdout.readline())
        self.assertEqual((first["payload"]["target"], first["payload"]["to"]), (targets[1], "unhealthy"))
        self.server.behaviour["127.0.0.1"] = "ill"
        self.assertEqual(json.loads(process.stdout.readline())["payload"]["from"], "healthy")


class Screen:
    """What a terminal shows. Whatever it does not know is an error: nothing of the outside world may command it."""

    KNOWN = re.compile(r"\x1b\[(\?1049[hl]|\?25[hl]|H|2J|J|K|[0-9;]*m)|[\x20-\x7e]|\r|\n|[^\x00-\x9f]")

    def __init__(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows, self.row, self.column = [""] * lines, 0, 0
        self.second = self.hidden = self.scrolled = False
        self.colours = set()
        self.drawn = 0

    def resize(self, columns, lines):
        self.columns, self.lines = columns, lines
        self.rows = (self.rows + [""] * lines)[:lines]

    def take(self, text):
        at = 0
        while at < len(text):
            found = self.KNOWN.match(text, at)
            assert found is not None, "the terminal is commanded: %r" % text[at:at + 40]
            (self.obey if found[1] else self.show)(found[1] or found[0])
            at = found.end()

    def obey(self, command):
        if command.startswith("?1049"):
            self.second = command.endswith("h")
            self.rows, self.row, self.column = [""] * self.lines, 0, 0
        elif command.startswith("?25"):
            self.hidden = command.endswith("l")
        elif command == "H":
            self.row = self.column = 0
        elif command == "K":
            self.rows[self.row] = self.rows[self.row][:self.column]
        elif command in ("J", "2J"):
            first = self.row if command == "J" else 0
            self.rows[first:] = [self.rows[first][:self.column] if command == "J" else ""] + [""] * (self.lines - first - 1)
            self.drawn += command == "J"
        else:
            self.colours.add(command)

    def show(self, character):
        if character == "\r":
            self.column = 0
        elif character == "\n":
            if self.row + 1 < self.lines:
                self.row += 1
            else:
                self.scrolled = True
                self.rows = self.rows[1:] + [""]
        else:
            assert not self.second or self.column < self.columns, "a line is wider than the window"
            self.rows[self.row] = self.rows[self.row][:self.column].ljust(self.column) + character
            self.column += 1


class Table(Case):
    COLUMNS, LINES = 110, 12

    def start(self, *arguments):
        self.master, slave = pty.openpty()
        self.addCleanup(lambda: os.close(self.master))
        self.set_size(slave, self.COLUMNS, self.LINES)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.addCleanup(lambda: os.close(self.slave))
        self.screen = Screen(self.COLUMNS, self.LINES)
        self.text = b""
        # A session of its own, whose terminal this is: so that keys become signals.
        self.process = subprocess.Popen([NIPOPS, "health", *arguments], env=self.env, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
                                        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.addCleanup(self.end)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    @staticmethod
    def set_size(terminal, columns, lines):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def read(self, seconds=0.1):
        """Takes in what was drawn; whole pictures only, so that no sequence is cut."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.text += os.read(self.master, 65536)
        whole, separator, rest = self.text.rpartition(b"\x1b[J")
        if separator:
            self.screen.take((whole + separator).decode())
            self.text = rest
        return True

    def read_until(self, holds):
        end = time.monotonic() + PATIENCE
        while not holds(self.screen.rows):
            self.assertLess(time.monotonic(), end, self.screen.rows)
            self.assertIsNone(self.process.poll(), self.text)
            self.read()

    def finish(self, key=b"\x03"):
        os.write(self.master, key)
        status = None
        while status is None or self.read():
            status = self.process.poll()
            self.read()
        rest = self.text.decode().replace("^C", "")
        screen = Screen(1000, 1000)
        screen.second = screen.hidden = True
        screen.take(rest)
        self.assertFalse(screen.second or screen.hidden)
        self.assertEqual(termios.tcgetattr(self.slave), self.before)
        return status, [row for row in screen.rows if row]

    def urls(self, count):
        return ["http://127.3.0.%d:%d/" % (i + 1, self.server.port) for i in range(count)]

    def test_worst_first_and_the_rest_counted(self):
        urls = self.urls(200)
        self.server.behaviour["127.3.0.150"] = "ill"
        self.start(self.write(urls, interval="200ms"), "--watch", "--failures", "2")
        self.read_until(lambda rows: rows[0].startswith("199 healthy, 1 unhealthy, 0 unknown of 200"))
        rows = self.screen.rows
        self.assertRegex(rows[1], "^STATE +SINCE +LATENCY +FAILED +TARGET +LAST ERROR$")
        self.assertRegex(rows[2], r"^unhealthy +[0-9.]+s +- +[0-9]+  http://127.3.0.150:\d+/ +unhealthy: status 500, expected 200 to 299$")
        for row in rows[3:10]:
            self.assertRegex(row, r"^healthy +[0-9.]+s +[0-9.e+]+ m?s +0  http://127.3.0.\d+:\d+/")
        self.assertEqual(rows[10:], ["and 192 more, 192 healthy", ""])
        self.assertTrue(self.screen.second and self.screen.hidden)
        self.assertIn("31m", self.screen.colours)
        self.server.behaviour["127.3.0.7"] = "ill"  # what broke last stands above what broke before
        self.read_until(lambda rows: "127.3.0.7:" in rows[2])
        self.assertIn("127.3.0.150:", self.screen.rows[3])
        self.server.behaviour["127.3.0.150"] = "good"
        self.read_until(lambda rows: rows[0].startswith("199 healthy, 1 unhealthy") and "127.3.0.7:" in rows[2])
        self.assertFalse(self.screen.scrolled)
        status, left = self.finish()
        self.assertEqual(status, 130)
        self.assertIn("1 unhealthy, 0 unknown of 200", left[0])

    def test_resize(self):
        self.start(self.write(self.urls(30), interval="200ms"), "--watch")
        self.read_until(lambda rows: rows[-2] == "and 22 more, 22 healthy")
        for columns, lines in ((200, 50), (60, 8), (30, 4), (5, 2), (110, 12)):
            self.set_size(self.master, columns, lines)  # the terminal's change is told by SIGWINCH
            self.screen = Screen(1000, 1000)
            self.screen.second = True
            seen = self.screen.drawn

            def is_whole(rows):
                shown = [row for row in rows if row]
                return self.screen.drawn > seen + 1 and len(shown) == min(32, lines - 1) and max(map(len, shown)) < columns
            self.read_until(is_whole)
            self.screen.resize(columns, lines)
        self.assertEqual(self.finish()[0], 130)

    def test_no_color(self):
        self.env["NO_COLOR"] = "1"
        self.server.behaviour["127.3.0.2"] = "ill"
        self.start(*self.urls(3), "--watch", "--failures", "1", "--interval", "100ms")
        self.read_until(lambda rows: rows[0].startswith("2 healthy, 1 unhealthy"))
        self.assertEqual(self.screen.colours, set())
        self.assertEqual(self.finish()[0], 130)

    def test_hostile_servers(self):
        self.server.behaviour["127.3.0.1"] = "hostile"
        document = self.write([{"url": self.urls(1)[0], "name": "n\x1b[5m\x07\x01ame"}, {"command": ["sh", "-c", "printf '\\033[2J\\a'; exit 3"]}],
                              interval="100ms", failures=1, expect={"json": {"/status": "ok"}})
        self.start(document, "--watch")
        self.read_until(lambda rows: rows[0].startswith("0 healthy, 2 unhealthy"))
        self.assertTrue(any("n?[5m??ame" in row for row in self.screen.rows), self.screen.rows)
        self.assertEqual(self.finish()[0], 130)

    def test_stopped_and_continued(self):
        self.start(*self.urls(3), "--watch", "--interval", "100ms")
        self.read_until(lambda rows: rows[0].startswith("3 healthy"))
        os.kill(self.process.pid, signal.SIGTSTP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED)
        while self.read():
            pass
        self.screen.take(self.text.decode())
        self.text = b""
        self.assertFalse(self.screen.second or self.screen.hidden)  # others have the terminal meanwhile
        os.kill(self.process.pid, signal.SIGCONT)
        self.read_until(lambda rows: self.screen.second and rows[0].startswith("3 healthy"))
        self.assertEqual(self.finish()[0], 130)

    def test_dumb_terminals_get_lines(self):
        self.env["TERM"] = "dumb"
        self.start(*self.urls(1), "--watch")
        while b"\n" not in self.text:
            self.assertTrue(self.read(PATIENCE))
        self.assertRegex(self.text.decode(), r"^\d{4}-\S+Z healthy   http://127.3.0.1:\d+/  was unknown")
        self.assertNotIn(b"\x1b", self.text)

    def test_a_terminal_that_goes_away(self):
        self.start(*self.urls(1), "--watch")
        self.read_until(lambda rows: rows[0].startswith("1 healthy"))
        os.close(self.slave)
        os.close(self.master)
        self.slave, self.master = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_RDONLY)
        self.assertNotEqual(self.process.wait(PATIENCE), 0)


if __name__ == "__main__":
    NIPOPS = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
