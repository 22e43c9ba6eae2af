"""Contexts and clocks."""
from datetime import datetime, timedelta, timezone

import nipops
from nipops import clock as module

from .support import BEGIN, PATIENCE, Case, plan_map

SECOND = 10**9


class Steps(nipops.Clock):
    """Stands still until moved."""

    virtual = True

    def __init__(self):
        self.monotonic = 5 * SECOND
        self.start = 10**18

    def real_ns(self):
        return self.start + self.monotonic

    def monotonic_ns(self):
        return self.monotonic

    def advance(self, monotonic_ns):
        self.monotonic = monotonic_ns


class Contexts(Case):
    def test_clocks_of_the_library(self):
        self.assertEqual(self.virtual().now(), BEGIN)
        self.assertEqual(self.virtual().now_ns(), 1767225600 * SECOND)
        gap = self.real().now() - datetime.now(timezone.utc)
        self.assertLess(abs(gap), timedelta(seconds=60))

    def test_settings(self):
        self.opened(nipops.Context(seed=7, state_dir=self.folder, in_flight_max=10))
        for wrong in ({"in_flight_max": 0}, {"clock": "nonsense"}, {"seed": -1 << 80}):
            with self.assertRaises(nipops.NipopsError):
                nipops.Context(**wrong)
        with self.assertRaises(ValueError):
            nipops.Context(clock=datetime(2026, 1, 1))
        for wrong in ({"in_flight_max": 2.5}, {"seed": 1.7}, {"seed": "1"}):
            with self.assertRaisesRegex(TypeError, "must be int, found"):
                nipops.Context(**wrong)

    def test_own_clock(self):
        clock = Steps()
        context = self.opened(nipops.Context(clock=clock))
        self.assertEqual(context.now_ns(), clock.real_ns())
        run = self.door_run(self.store(context), plan_map([{"id": "rest", "title": "rest", "wait": "90s"}]))
        with run.drive(self.drivers(context)) as operation:
            self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        self.assertGreaterEqual(clock.monotonic, 95 * SECOND)

    def test_clock_is_let_go(self):
        before = len(module._clocks)
        context = nipops.Context(clock=Steps())
        store = nipops.Store(context, "memory:")
        context.close()
        self.assertEqual(len(module._clocks), before + 1)
        store.append("a", "note.written", {})
        store.close()
        del store
        self.assertEqual(len(module._clocks), before)

    def test_a_clock_that_fails(self):
        clock = Steps()
        context = self.opened(nipops.Context(clock=clock))
        context.now()
        clock.real_ns = lambda: 1 // 0
        with self.assertRaises(ZeroDivisionError):
            context.now()
        for wrong in (1.5e18, None, "1", True, 2**63, -2**63 - 1):
            clock.real_ns = lambda: wrong
            with self.subTest(wrong=wrong), self.assertRaises((TypeError, ValueError)):
                context.now_ns()
        run_clock = Steps()
        context = self.opened(nipops.Context(clock=run_clock))
        run = self.door_run(self.store(context), plan_map([{"id": "rest", "title": "rest", "wait": "90s"}]))
        run_clock.advance = lambda monotonic_ns: 1 // 0
        with run.drive(self.drivers(context)) as operation, self.assertRaises(ZeroDivisionError):
            operation.run(PATIENCE)
