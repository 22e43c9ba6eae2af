"""A million latencies counted by the same buckets with numpy: by numpy.histogram, and by what is fastest there, bincount of the doubles' bits.
Nanoseconds a value; nothing when numpy is not installed."""
import time

try:
    import numpy
except ImportError:
    raise SystemExit(0)

VALUES, TURNS, OCTAVES, BUCKETS = 1000000, 3, range(-12, 4), 128

random = numpy.random.default_rng(20261126)
values = numpy.round(random.lognormal(numpy.log(0.05), 1, VALUES) * 1e6) / 1e6
bounds = numpy.array([2.0 ** octave * (1 + bucket / BUCKETS) for octave in OCTAVES for bucket in range(BUCKETS)])
values = numpy.clip(values, bounds[0], bounds[-1] * 0.999)


def by_bounds():
    return numpy.histogram(values, bounds)[0]


def by_bits():
    return numpy.bincount((values.view(numpy.uint64) >> numpy.uint64(45)).astype(numpy.int64) - ((1023 + OCTAVES[0]) * BUCKETS),
                          minlength=len(bounds) - 1)


def measured(name, count):
    count()
    start = time.process_time()
    for _ in range(TURNS):
        counts = count()
    print(name, (time.process_time() - start) / TURNS / VALUES * 1e9)
    assert counts.sum() == VALUES


measured("record_numpy_ns", by_bounds)
measured("record_numpy_bits_ns", by_bits)
