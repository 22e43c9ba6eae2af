#!/usr/bin/python3
"""Our reader of time zones against Python's: every zone of this system, every change from 2000 to 2037, a second before, at and after it.

usage: zone_peer.py PATH-OF-PEER
"""

import datetime
import subprocess
import sys
import zoneinfo

UTC = datetime.timezone.utc
EPOCH = datetime.datetime(1970, 1, 1)
START, END, STEP = 946684800, 2145916800, 3 * 86400
FAR = (2200000000, 2500000000, 4102444800, 7000000000)  # by the rule at the file's end


def at(zone, instant):
    moment = datetime.datetime.fromtimestamp(instant, UTC).astimezone(zone)
    return int(moment.utcoffset().total_seconds()), moment.dst() != datetime.timedelta(0), moment.tzname()


def changes(zone):
    known = at(zone, START)
    for instant in range(START, END, STEP):
        now = at(zone, instant)
        if now != known:
            low, high = instant - STEP, instant
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if at(zone, middle) == known else (low, middle)
            yield high
            known = now


def instants(zone, local):
    """None where clocks never showed it."""
    naive = EPOCH + datetime.timedelta(seconds=local)
    found = [int((naive - moment.utcoffset() - EPOCH).total_seconds()) for moment in (naive.replace(tzinfo=zone, fold=fold) for fold in (0, 1))]
    return found if all(instant + at(zone, instant)[0] == local for instant in found) else None


def questions(name, zone):
    moments = sorted({START, END, *FAR, *(change + by for change in changes(zone) for by in (-1, 0, 1, 1800))})
    for instant in moments:
        offset, dst, _ = at(zone, instant)
        yield f"{name} {instant} offset {offset} {int(dst)}"
        both = instants(zone, instant + offset)
        if both:
            yield f"{name} {instant + offset} local {both[0]} {both[1]}"


def main(peer):
    lines = []
    for name in sorted(zoneinfo.available_timezones()):
        lines += questions(name, zoneinfo.ZoneInfo(name))
    done = subprocess.run([peer], input="\n".join(lines) + "\n", text=True, stdout=subprocess.PIPE)
    print(done.stdout, end="")
    sys.exit(done.returncode)


main(sys.argv[1])
