#!/usr/bin/env python3
"""Runs several tracks of tests at once: while those of one wait, another computes.

What the first track says is shown as it comes, the others' in turn after it. Each track writes into a folder of its own: FOLDER/NAME/output is
what it says, and FOLDER/NAME/result is made by the track itself at its end. SIGINT, SIGTERM or SIGHUP ends them all, each by its process
group, which begins with no signal ignored.

usage: tracks.py FOLDER NAME=SCRIPT ...        exit status: 0, or 128 and the signal that ended it; what the tests said is in the results
"""
import os, pathlib, signal, subprocess, sys, time

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Gentle first: Python programs clean up after SIGINT; meson ends all its tests after SIGTERM.
LAST_WORDS = ((signal.SIGINT, 3), (signal.SIGTERM, 10), (signal.SIGKILL, 5))


class Interrupted(Exception):
    pass


class Track:
    def __init__(self, folder, name, script):
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "result").unlink(missing_ok=True)
        self.said = open(self.folder / "output", "w+b")
        self.process = subprocess.Popen(["sh", script], stdin=subprocess.DEVNULL, stdout=self.said.fileno(), stderr=subprocess.STDOUT,
                                        start_new_session=True, env=dict(os.environ, logs=str(self.folder)))
        self.shown = 0

    def show(self):
        """What was said since it was last shown."""
        said = os.pread(self.said.fileno(), 1 << 20, self.shown)
        while said:
            self.shown += len(said)
            sys.stdout.buffer.write(said)
            said = os.pread(self.said.fileno(), 1 << 20, self.shown)
        sys.stdout.buffer.flush()

    def follow(self):
        while self.process.poll() is None:
            self.show()
            time.sleep(0.2)
        self.show()

    def signal(self, number):
        """Whether anybody of the group was there to get it."""
        self.process.poll()
        try:
            os.killpg(self.process.pid, number)
            return True
        except ProcessLookupError:
            return False


def end(tracks):
    """Whatever a track has begun must be gone with it, so its group is asked, not only its shell."""
    for number, patience in LAST_WORDS:
        left = [track for track in tracks if track.signal(number)]
        until = time.monotonic() + patience
        while any([track.signal(0) for track in left]) and time.monotonic() < until:
            time.sleep(0.05)


def interrupt(number, _):
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)  # one is enough; a second must not disturb the end
    raise Interrupted(number)


def main():
    folder, tracks = pathlib.Path(sys.argv[1]), []
    for number in SIGNALS:
        signal.signal(number, interrupt)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell lets those in its background ignore it
    try:
        for argument in sys.argv[2:]:
            tracks.append(Track(folder, *argument.split("=", 1)))
        for track in tracks:
            track.follow()
    except Interrupted as interrupted:
        end(tracks)
        return 128 + interrupted.args[0]
    return 0


if __name__ == "__main__":
    sys.exit(main())
