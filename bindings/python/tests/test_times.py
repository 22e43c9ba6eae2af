"""Instants and lengths of time at the surface."""
from datetime import datetime, timedelta, timezone

import nipops
from nipops import _abi, times

from .support import Case


class Instants(Case):
    def test_aware_datetimes_and_nanoseconds(self):
        noon = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
        self.assertEqual(times.instant_ns(noon), 1767261600 * 10**9)
        self.assertEqual(times.instant_ns(123), 123)
        self.assertEqual(nipops.format_time(noon), "2026-01-01T10:00:00Z")
        self.assertEqual(nipops.format_time(1), "1970-01-01T00:00:00.000000001Z")

    def test_what_is_no_instant(self):
        with self.assertRaises(ValueError):
            nipops.format_time(datetime(2026, 1, 1))
        for wrong in (True, 1.5, "2026-01-01", None):
            with self.assertRaises(TypeError):
                nipops.format_time(wrong)

    def test_years_outside(self):
        for year in (1, 1600, 2300, 9999):
            with self.assertRaises(ValueError):
                nipops.format_time(datetime(year, 1, 1, tzinfo=timezone.utc))
        with self.assertRaises(ValueError):
            nipops.format_time(2**63)
        for edge in (_abi.NIP_TIME_MAX - 1, _abi.NIP_TIME_NONE + 1):
            self.assertIsNotNone(times.to_datetime(edge))
            self.assertIsNotNone(times.to_datetime_up(edge))

    def test_never_and_for_ever(self):
        for nothing in (None, _abi.NIP_TIME_MAX, _abi.NIP_TIME_NONE):
            self.assertIsNone(times.to_datetime(nothing))
            self.assertIsNone(times.to_datetime_up(nothing))

    def test_a_wait_is_never_too_early(self):
        self.assertEqual(times.instant_ns(nipops.Wait(1).until), 1000)
        self.assertEqual(times.instant_ns(nipops.Wait(2000).until), 2000)
        self.assertIsNone(nipops.Wait(None).until)
        self.assertEqual(times.instant_ns(times.to_datetime(1999)), 1000)

    def test_text(self):
        self.assertEqual(nipops.parse_time("2026-01-01T01:00:00.5+01:00"), datetime(2026, 1, 1, 0, 0, 0, 500000, timezone.utc))
        self.assertEqual(nipops.parse_time_ns("1970-01-01T00:00:00.000000001Z"), 1)
        with self.assertRaises(nipops.InvalidError):
            nipops.parse_time("yesterday")
        with self.assertRaises(TypeError):
            nipops.parse_time(5)
        with self.assertRaises(ValueError):
            nipops.parse_time("2026-01-01T00:00:00Z\0nonsense")


class Durations(Case):
    def test_both_ways(self):
        self.assertEqual(nipops.parse_duration("1h30m"), timedelta(minutes=90))
        self.assertEqual(nipops.parse_duration_ns("250ns"), 250)
        self.assertEqual(nipops.format_duration(timedelta(minutes=90)), "1h30m")
        self.assertEqual(nipops.format_duration(1), "1ns")
        with self.assertRaises(ValueError):
            nipops.parse_duration("90")
        with self.assertRaises(ValueError):
            nipops.format_duration(timedelta.max)
        with self.assertRaises(TypeError):
            nipops.format_duration(1.5)
