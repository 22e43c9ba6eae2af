"""Service levels: added in any order, from arrays that are not copied, reported as of any record."""
import json
import random
import tracemalloc
from array import array

import nipops

from .support import Case

MARCH_FIRST = 1772323200 * 10**9
MINUTE = 60 * 10**9
DOCUMENT = """
sla:
  name: shop
  indicators: {requests: {events: {}}, probe: {time: {instances: [a]}, max_gap: 1m}}
  objectives: {errors: {error_rate: requests, target: 0.1}, uptime: {availability: probe, target: 99}}
"""


class ServiceLevels(Case):
    def levels(self):
        context = nipops.Context(clock="virtual:2026-04-01T00:00:00Z")
        self.addCleanup(context.close)
        return nipops.ServiceLevels(self.store(context, "memory:"), self.opened(nipops.Document.parse(DOCUMENT)))

    def test_any_order(self):
        chance = random.Random(1)
        slices = 300
        times = array("q", (MARCH_FIRST + i * MINUTE for i in range(slices)))
        good = array("q", (chance.randrange(1000) for _ in range(slices)))
        bad = array("q", (chance.randrange(2) for _ in range(slices)))
        whole, parts, copied = self.levels(), self.levels(), self.levels()
        self.assertEqual(whole.add_events("requests", times, good, bad), nipops.Added(1, 1, slices, 0))
        order = list(range(slices))
        chance.shuffle(order)
        for first in order:
            end = first + 1 + chance.randrange(20)
            views = [memoryview(numbers)[first:end] for numbers in (times, good, bad)]
            parts.add_events("requests", *(views if first % 2 else (list(view) for view in views)))
        self.assertEqual(parts.pages(), whole.pages())
        copied.add_pages(whole.pages())
        self.assertEqual(copied.pages(), whole.pages())
        self.assertEqual(copied.add_pages(whole.pages()).slices, 0)

    def test_from_rows_to_report(self):
        levels = self.levels()
        levels.add_rows("requests", "at,good,bad\n2026-03-01T00:00:10Z,999,1\n", begin=MARCH_FIRST, end=MARCH_FIRST + 1440 * MINUTE)
        levels.add_samples("probe", [MARCH_FIRST, MARCH_FIRST + 45 * 10**9], [1.0, 0.0], stream="a", begin=MARCH_FIRST, end=MARCH_FIRST + 2 * MINUTE)
        first = levels.report("2026-03-01", as_of=2)
        errors, uptime = first["objectives"]
        self.assertEqual(errors["verdict"], "met")
        self.assertEqual((uptime["figures"]["good"], uptime["figures"]["bad"]), (45000, 60000))
        sequence = levels.exclude({"v": 1, "id": "x", "class": "maintenance", "begin": "2026-03-01T00:00:00Z", "end": "2026-03-01T00:01:00Z",
                                   "who": "ann", "why": "disks"})
        self.assertEqual(sequence, 3)
        self.assertEqual(levels.report("2026-03-01", as_of=2), first)
        self.assertEqual(levels.certificates("2026-03-01")[0]["excluded_ms"], 60000)
        self.assertIn("| errors | 0.1 % | 0.1000 % | met |", nipops.sla_report_text(first))
        self.assertTrue(nipops.sla_report_text(first, "html").startswith("<!DOCTYPE html>"))
        self.assertEqual(nipops.describe_sla(levels.document)["journal"], "sla.shop")

    def test_no_copy(self):
        count = 300000
        levels = self.levels()
        numbers = {name: array("q", [value]) * count for name, value in (("times", MARCH_FIRST), ("good", 1), ("bad", 0))}
        values = array("d", [1.0]) * count
        tracemalloc.start()
        try:
            levels.add_events("requests", numbers["times"], memoryview(numbers["good"]).toreadonly(), numbers["bad"])
            levels.add_samples("probe", numbers["times"], values, stream="a", begin=MARCH_FIRST, end=MARCH_FIRST + MINUTE)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(most, 100000)
        self.assertIn('"slices":"%d"' % count, levels.pages())

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        times = MARCH_FIRST + MINUTE * numpy.arange(10)
        expected, found = self.levels(), self.levels()
        expected.add_events("requests", times.tolist(), [1, 2] * 5, [0] * 10)
        found.add_events("requests", times, numpy.array([1, 2] * 5), numpy.zeros(20, dtype=numpy.int64)[::2])
        self.assertEqual(found.pages(), expected.pages())

    def test_refused(self):
        levels = self.levels()
        levels.add_events("requests", [MARCH_FIRST], [1], [0])
        for error, wrong in (
                (nipops.StateError, lambda: levels.add_events("requests", [MARCH_FIRST], [2], [0])),
                (nipops.NotFoundError, lambda: levels.add_events("request", [MARCH_FIRST], [2], [0])),
                (nipops.InvalidError, lambda: levels.add_samples("requests", [MARCH_FIRST], [2])),
                (nipops.InvalidError, lambda: levels.add_events("requests", [MARCH_FIRST], [-1], [0])),
                (nipops.InvalidError, lambda: levels.report("2026-13")),
                (nipops.InvalidError, lambda: nipops.sla_report_text({}, "pdf")),
                (nipops.NotFoundError, lambda: levels.pages(99)),
                (ValueError, lambda: levels.add_events("requests", [MARCH_FIRST], [2], [])),
                (TypeError, lambda: levels.add_events("requests", ["now"], [2], [0])),
                (TypeError, lambda: nipops.ServiceLevels(levels.document, levels.store))):
            with self.subTest(error=error), self.assertRaises(error):
                wrong()
        self.assertEqual(levels.add_events("requests", [MARCH_FIRST], [2], [0], revision=1).slices, 1)
        self.assertEqual(len(json.loads(levels.pages())), 1)
