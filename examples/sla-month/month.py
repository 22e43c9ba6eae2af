#!/usr/bin/env python3
"""
A made month of a shop, March 2026 in Berlin, to the second: what happened, and what Prometheus saw of it. docs/sla.md works its figures out by hand.

usage: month.py openmetrics       what Prometheus would have scraped, for promtool tsdb create-blocks-from openmetrics
       month.py rows              the same probes as comma-separated values, for nipops sla import
"""
import sys
from dataclasses import dataclass
from typing import Iterator, Tuple

BEGIN = 1772319600   # 2026-03-01T00:00:00+01:00
END = 1774994400     # 2026-04-01T00:00:00+02:00: clocks were set forward on the 29th
EVERY = 30           # seconds between two samples
AROUND = 3600        # samples are there so long before and after the month
RATE = 10            # requests in each second
BOUNDS = ("0.1", "0.25", "0.5", "1.0", "+Inf")


@dataclass(frozen=True)
class Month:
    """Seconds since the epoch; each pair is half-open."""

    maintenance: Tuple[int, int] = (1772931600, 1772938800)  # 2026-03-08T01:00:00Z to 03:00:00Z, announced
    first: Tuple[int, int] = (1772938100, 1772939465)        # 2026-03-08T02:48:20Z to 03:11:05Z: it outlasts the maintenance
    second: Tuple[int, int] = (1773741757, 1773742800)       # 2026-03-17T10:02:37Z to 10:20:00Z
    hole: Tuple[int, int] = (1773742330, 1773745330)         # 2026-03-17T10:12:10Z to 11:02:10Z: Prometheus itself is down
    lonely: Tuple[int, int] = (1773300000, 1773321600)       # 2026-03-12T07:20:00Z to 13:20:00Z: instance b alone is down
    restart: int = 1773964800                                # 2026-03-20T00:00:00Z: counters begin anew

    def is_out(self, second: int) -> bool:
        """Was the shop down all through the second that ends at `second`?"""
        return any(begin < second <= end for begin, end in (self.first, self.second))

    def is_up(self, instance: str, at: int) -> bool:
        outages = (self.first, self.second) + ((self.lonely,) if instance == "b" else ())
        return not any(begin <= at < end for begin, end in outages)

    def scrapes(self) -> Iterator[int]:
        for at in range(BEGIN - AROUND, END + AROUND + 1, EVERY):
            if not self.hole[0] <= at < self.hole[1]:
                yield at

    def probes(self, instance: str) -> Iterator[Tuple[int, bool]]:
        """A probe looks every 30 s, and at once when something changes."""
        changes = {at for stretch in (self.first, self.second, self.lonely) for at in stretch}
        seen = set(self.scrapes()) | {at for at in changes if not self.hole[0] <= at < self.hole[1]}
        for at in sorted(seen):
            yield at, self.is_up(instance, at)

    def bad(self, second: int) -> int:
        """Of the ten requests that end with this second: while the shop is down all, else one in every 125 seconds."""
        return RATE if self.is_out(second) else int(second % 125 == 0)

    def within(self, second: int) -> Tuple[int, ...]:
        """Of the ten requests, how many took at most 0.1, 0.25, 0.5, 1 s, and any time: every fourth second has one that took longer."""
        if self.is_out(second):
            return (0, 0, 0, 0, RATE)
        return (7, 9, 9 + int(second % 4 != 0), 9 + int(second % 4 != 0), RATE)


def counters(month: Month) -> Iterator[Tuple[int, int, int, Tuple[int, ...]]]:
    """Instant of a scrape, good and bad requests and buckets so far."""
    scrapes = set(month.scrapes())
    good, bad, buckets = 0, 0, [0] * len(BOUNDS)
    for second in range(BEGIN - AROUND, END + AROUND + 1):
        if second == month.restart + 1:
            good, bad, buckets = 0, 0, [0] * len(BOUNDS)
        now = month.bad(second)
        good, bad = good + RATE - now, bad + now
        buckets = [had + more for had, more in zip(buckets, month.within(second))]
        if second in scrapes:
            yield second, good, bad, tuple(buckets)


def print_openmetrics(month: Month) -> None:
    put = sys.stdout.write
    for instance in "ab":
        for at, up in month.probes(instance):
            put('probe_success{job="shop",instance="%s"} %d %d\n' % (instance, up, at))
    seen = list(counters(month))
    for code, column in (("200", 1), ("500", 2)):
        for scrape in seen:
            put('http_requests_total{job="shop",code="%s"} %d %d\n' % (code, scrape[column], scrape[0]))
    for place, bound in enumerate(BOUNDS):
        for at, _, _, buckets in seen:
            put('http_request_duration_seconds_bucket{job="shop",le="%s"} %d %d\n' % (bound, buckets[place], at))
    put("# EOF\n")


def print_rows(month: Month) -> None:
    sys.stdout.write("stream,at,up\n")
    for instance in "ab":
        for at, up in month.probes(instance):
            sys.stdout.write("%s,%d,%d\n" % (instance, at, up))


if __name__ == "__main__":
    {"openmetrics": print_openmetrics, "rows": print_rows}[sys.argv[1]](Month())
