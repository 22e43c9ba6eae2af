"""Histograms: values from arrays of every kind, where they lie; quantiles; bytes."""
import array
import ctypes
import math
import random
import tracemalloc

import nipops

from .support import Case

NAN, INF = math.nan, math.inf


def recorded(values):
    histogram = nipops.Histogram()
    for value in values:
        histogram.record(value)
    return histogram


class Recording(Case):
    VALUES = [0.25, 0.5, 0.0, -1.0, 1e300, 3.25, 0.125, 0.75]

    def same(self, values):
        self.assertEqual(nipops.Histogram(values).to_bytes(), recorded(self.VALUES).to_bytes())

    def test_whatever_holds_doubles(self):
        doubles = array.array("d", self.VALUES)
        spread = array.array("d", [part for value in self.VALUES for part in (value, 99.0)])
        self.same(doubles)
        self.same(memoryview(doubles))
        self.same(memoryview(doubles).toreadonly())
        self.same(memoryview(bytes(doubles)).cast("d"))
        self.same(memoryview(bytes(doubles)).cast("B").cast("d", (2, 4)))
        self.same(memoryview(spread)[::2])  # not one after the other: copied
        self.same((ctypes.c_double * 8)(*self.VALUES))
        self.same(self.VALUES)
        self.same(tuple(self.VALUES))
        self.same(value for value in self.VALUES)
        self.assertEqual(doubles.pop(), 0.75)  # nothing holds on to it any more

    def test_other_numbers_are_copied(self):
        whole = nipops.Histogram([1, 2, 3]).to_bytes()
        self.assertEqual(nipops.Histogram(array.array("f", [1, 2, 3])).to_bytes(), whole)
        self.assertEqual(nipops.Histogram(array.array("q", [1, 2, 3])).to_bytes(), whole)
        self.assertEqual(nipops.Histogram(range(1, 4)).to_bytes(), whole)
        self.assertEqual(nipops.Histogram(b"\1\2\3").to_bytes(), whole)
        self.assertEqual(nipops.Histogram(b"\1\2\3\0\0\0\0\0").summary().zeros, 5)  # eight numbers, not the bytes of one

    def test_what_holds_no_numbers(self):
        histogram = nipops.Histogram([1.0])
        for wrong in ("text", [1.0, "2"], 5, None, object()):
            with self.assertRaises(TypeError):
                histogram.record_n(wrong)
        with self.assertRaises(ctypes.ArgumentError):
            histogram.record("1")
        self.assertEqual(histogram.summary().count, 1)

    def test_no_copy(self):
        doubles = array.array("d", [1.5]) * 1000000
        histogram = nipops.Histogram()
        tracemalloc.start()
        try:
            histogram.record_n(doubles)
            histogram.record_n(memoryview(doubles).toreadonly())
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(most, 100000)
        self.assertEqual(histogram.summary().count, 2000000)

    def test_numpy(self):
        try:
            import numpy
        except ImportError:
            self.skipTest("numpy is not installed")
        values = numpy.array(self.VALUES)
        self.same(values)
        values.flags.writeable = False
        self.same(values)
        self.same(values.reshape(2, 4))
        self.same(numpy.repeat(values, 2)[::2])
        self.same(values[::-1])

    def test_times_and_limits(self):
        histogram = nipops.Histogram()
        histogram.record(2.0, 2 ** 63 - 1)
        with self.assertRaises(nipops.LimitError):
            histogram.record(2.0)
        with self.assertRaises(nipops.LimitError):
            histogram.merge(histogram)
        with self.assertRaises(nipops.InvalidError):
            histogram.record(2.0, -1)
        with self.assertRaises(nipops.InvalidError):
            histogram.record(2.0, 2 ** 63)
        self.assertEqual(histogram.summary().count, 2 ** 63 - 1)


class Asking(Case):
    def test_summary(self):
        self.assertEqual(nipops.Histogram().summary(), nipops.Summary(0, 0, 0, 0, 0, 0, None, None, 0.0))
        values = [NAN, -1.0, 0.0, -0.0, 1e-12, 0.7, 0.1, 0.2, 1e12, INF]
        self.assertEqual(nipops.Histogram(values).summary(), nipops.Summary(9, 1, 2, 1, 2, 1, -1.0, INF, 1.0))

    def test_sum(self):
        random_ = random.Random(11)
        for _ in range(200):
            values = [2.0 ** random_.uniform(-30, 34) for _ in range(random_.randrange(50))]
            self.assertEqual(nipops.Histogram(values).summary().sum, math.fsum(values))  # both round the exact sum once

    def test_quantiles(self):
        random_ = random.Random(7)
        values = sorted(random_.lognormvariate(-3, 1) for _ in range(10001))
        histogram = nipops.Histogram(values)
        for quantile, rank in ((0, 1), (0.5, 5001), (0.95, 9501), (0.99, 9901), (1, 10001)):
            found = histogram.quantile(quantile)
            self.assertEqual(found.rank, rank)
            self.assertTrue(found.lower <= values[rank - 1] <= found.upper)
            self.assertLessEqual(abs(found.value - values[rank - 1]), values[rank - 1] * 0.0039)
        for wrong in (-1, 1.5, NAN):
            with self.assertRaises(nipops.InvalidError):
                histogram.quantile(wrong)
        with self.assertRaises(nipops.StateError):
            nipops.Histogram().quantile(0.5)

    def test_merge(self):
        values = [0.01 * i for i in range(1000)]
        whole, odd, even = nipops.Histogram(values), nipops.Histogram(values[1::2]), nipops.Histogram(values[::2])
        odd.merge(even)
        self.assertEqual(odd.to_bytes(), whole.to_bytes())
        odd.merge(odd)
        whole.record_n(values)
        self.assertEqual(odd.to_bytes(), whole.to_bytes())
        with self.assertRaises(TypeError):
            odd.merge(values)

    def test_bytes(self):
        written = nipops.Histogram([1.0, 2.0]).to_bytes()
        with nipops.Histogram.from_bytes(written) as read:
            self.assertEqual(read.to_bytes(), written)
            self.assertEqual(read.summary().count, 2)
        self.assertEqual(nipops.Histogram.from_bytes(bytearray(written)).to_bytes(), written)
        for wrong in (b"", b"NIPH", written[:-1], written + b"\0"):
            with self.assertRaises(nipops.CorruptError):
                nipops.Histogram.from_bytes(wrong)
        with self.assertRaises(nipops.FormatVersionError):
            nipops.Histogram.from_bytes(written[:4] + b"\2" + written[5:])

    def test_closed(self):
        histogram = nipops.Histogram([1.0])
        histogram.close()
        for use in (histogram.summary, histogram.to_bytes, lambda: histogram.record_n([1.0])):
            with self.assertRaises(nipops.ClosedError):
                use()
