#!/usr/bin/python3
"""Our periods against boundaries made of Python's zones: every zone of this system, 2000 to 2037.

usage: period_peer.py PATH-OF-PEER [--all]

All months, quarters and years of every zone; days and weeks around every change of its clocks, and all of them in the zones named below.
With --all every day and week of every zone.
"""

import bisect
import collections
import datetime
import pathlib
import subprocess
import sys
import zoneinfo

UTC = datetime.timezone.utc
DAY = datetime.timedelta(days=1)
EPOCH = datetime.datetime(1970, 1, 1)
FIRST, LAST = datetime.date(2000, 1, 1), datetime.date(2038, 1, 1)
STEP = 3 * 86400
NAMED = {"America/Santiago", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Apia", "America/St_Johns",
         "Atlantic/Azores", "America/Havana", "Europe/Berlin", "UTC"}
PLAIN, GAP, FOLD = 0, 1, 2


def offset_at(zone, instant):
    return int(datetime.datetime.fromtimestamp(instant, UTC).astimezone(zone).utcoffset().total_seconds())


def seconds(naive):
    return int((naive - EPOCH).total_seconds())


def change_between(zone, low, high):
    before = offset_at(zone, low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset_at(zone, middle) == before else (low, middle)
    return high


def changes(zone):
    found, start, end = [], seconds(datetime.datetime(1999, 12, 1)), seconds(datetime.datetime(2038, 2, 1))
    known = offset_at(zone, start)
    for instant in range(start + STEP, end, STEP):
        now = offset_at(zone, instant)
        if now != known:
            found.append(change_between(zone, instant - STEP, instant))
            known = now
    return found


def midnight(zone, date):
    """When a day begins: instant, and whether clocks showed it once, never or twice."""
    naive = datetime.datetime(date.year, date.month, date.day)
    early, late = (seconds(naive - naive.replace(tzinfo=zone, fold=fold).utcoffset()) for fold in (0, 1))
    if early == late:
        return early, PLAIN
    return (early, FOLD) if early < late else (change_between(zone, late, early), GAP)


def month_after(year, month, by):
    count = year * 12 + month - 1 + by
    return datetime.date(count // 12, count % 12 + 1, 1)


def periods(days):
    """Label, first day, first day of the next."""
    for year in range(FIRST.year, LAST.year):
        yield f"{year}", datetime.date(year, 1, 1), datetime.date(year + 1, 1, 1)
        for quarter in range(4):
            yield f"{year}-Q{quarter + 1}", month_after(year, 1, quarter * 3), month_after(year, 1, quarter * 3 + 3)
        for month in range(1, 13):
            yield f"{year}-{month:02}", datetime.date(year, month, 1), month_after(year, month, 1)
    mondays = sorted({day - day.weekday() * DAY for day in days})
    for day in sorted(days):
        yield day.isoformat(), day, day + DAY
    for monday in mondays:
        year, week, _ = monday.isocalendar()
        yield f"{year}-W{week:02}", monday, monday + 7 * DAY


def days_of(zone, found, every):
    if every:
        return {FIRST + n * DAY for n in range((LAST - FIRST).days)}
    around = (datetime.datetime.fromtimestamp(change, UTC).astimezone(zone).date() for change in found)
    return {day + by * DAY for day in around for by in range(-2, 3) if FIRST <= day + by * DAY < LAST}


def lines_of(names, every):
    zone = zoneinfo.ZoneInfo(names[0])
    found = changes(zone)
    yield "zones " + " ".join(names)
    known = {}

    def at(day):
        if day not in known:
            known[day] = midnight(zone, day)
        return known[day]

    for label, first, after in periods(days_of(zone, found, every or bool(NAMED & set(names)))):
        (begin, begin_form), (end, end_form) = at(first), at(after)
        inside = found[bisect.bisect_right(found, begin):bisect.bisect_left(found, end)]
        yield f"{label} {begin} {end} {begin_form} {end_form} {offset_at(zone, begin)} {offset_at(zone, end)} {len(inside)} {sum(inside)}"


def groups():
    """Zones that are links to one another have one file."""
    by_file = collections.defaultdict(list)
    for name in sorted(zoneinfo.available_timezones()):
        files = [pathlib.Path(folder) / name for folder in zoneinfo.TZPATH if (pathlib.Path(folder) / name).is_file()]
        by_file[files[0].read_bytes()].append(name)
    return by_file.values()


def main(peer, every):
    text = (line + "\n" for names in groups() for line in lines_of(names, every))
    with subprocess.Popen([peer], stdin=subprocess.PIPE, text=True) as process:
        for line in text:
            process.stdin.write(line)
        process.stdin.close()
        sys.exit(process.wait())


main(sys.argv[1], "--all" in sys.argv[2:])
