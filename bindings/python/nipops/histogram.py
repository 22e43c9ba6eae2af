"""Histograms: many measurements in little memory, with quantiles that say how exact they are."""
from ctypes import byref, c_size_t, c_void_p, string_at
from dataclasses import dataclass
from typing import Iterable, Optional

from . import _abi
from ._arrays import doubles
from ._calls import call, integer
from ._handle import Handle, Using, expect, made
from ._library import C
from .errors import OutOfMemoryError


@dataclass(frozen=True)
class Summary:
    """What a histogram knows exactly."""

    count: int        #: values recorded; `not_numbers` are not among them
    negatives: int    #: of these: below zero, minus infinity included
    zeros: int
    below: int        #: above zero and below 2^-30
    above: int        #: 2^34 or more, infinity included
    not_numbers: int  #: NaN
    least: Optional[float]     #: None when there are no values
    greatest: Optional[float]  #: None when there are no values
    sum: float        #: of the values within the range, rounded once; of all where negatives, below and above are 0


@dataclass(frozen=True)
class Quantile:
    """A quantile and what is guaranteed of it: the true one, of the values as they were recorded, lies in [lower, upper]."""

    value: float  #: off by (upper - lower) / (upper + lower) at most: within the range, 0.39 %
    lower: float
    upper: float
    rank: int     #: which of the sorted values it is, from 1


class Histogram(Handle):
    """
    Counts of values by size: 128 buckets from each power of two to the next, from 2^-30 to 2^34. Quantiles within that range are off by
    0.39 % at most. Zeros, negative values, those below or above the range and NaN are counted apart, so that nothing is lost. Merging is
    exact: the same values give the same bytes, whether recorded in one or in many.

    values  what to record at once, as record_n does
    """

    __slots__ = ()
    _noun = "histogram"

    def __init__(self, values: Optional[Iterable[float]] = None) -> None:
        super().__init__(made(C.nip_histogram_free, (), C.nip_histogram_new))
        if values is not None:
            self.record_n(values)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Histogram":
        """Reads what `to_bytes` wrote, of any language. CorruptError for bytes that it cannot have written, FormatVersionError."""
        data = bytes(data)
        histogram = cls.__new__(cls)
        Handle.__init__(histogram, made(C.nip_histogram_free, (), C.nip_histogram_read, data, len(data)))
        return histogram

    def record(self, value: float, times: int = 1) -> None:
        """Records one value `times` times. LimitError beyond 2^63 - 1 values."""
        with Using(self) as (histogram,):
            call(C.nip_histogram_record, histogram, value, integer(times, "times"))

    def record_n(self, values: Iterable[float]) -> None:
        """
        Records all values, or none of them when it fails. An array of doubles that lie one after the other (array.array("d"), a numpy
        array of float64, a memoryview of these, read-only or not) is read where it is, without a copy; it must not be changed meanwhile.
        Anything else is copied into one first.
        """
        with doubles(values) as (address, count), Using(self) as (histogram,):
            call(C.nip_histogram_record_n, histogram, address, count)

    def merge(self, other: "Histogram") -> None:
        """Adds all that the other holds; it stays as it is. LimitError."""
        expect(other, Histogram, "other")
        with Using(self, other) as (histogram, added):
            call(C.nip_histogram_merge, histogram, added)

    def summary(self) -> Summary:
        """Count, least, greatest and sum, and what was counted apart."""
        told = _abi.nip_summary()
        with Using(self) as (histogram,):
            call(C.nip_histogram_summary, histogram, byref(told))
        some = told.count > 0
        return Summary(told.count, told.negatives, told.zeros, told.below, told.above, told.not_numbers,
                       told.least if some else None, told.greatest if some else None, told.sum)

    def quantile(self, quantile: float) -> Quantile:
        """
        The quantile by the nearest rank: the smallest recorded value that at least the part `quantile` (0..1, to nine digits after the
        point) of all values is not above. InvalidError; StateError when there are no values.
        """
        found = _abi.nip_quantile()
        with Using(self) as (histogram,):
            call(C.nip_histogram_quantile, histogram, quantile, byref(found))
        return Quantile(found.value, found.lower, found.upper, found.rank)

    def to_bytes(self) -> bytes:
        """The same bytes for the same values, on every machine and from every language."""
        out, length = c_void_p(), c_size_t()
        with Using(self) as (histogram,):
            call(C.nip_histogram_write, histogram, byref(out), byref(length))
        if not out.value:
            raise OutOfMemoryError("out of memory")
        try:
            return string_at(out.value, length.value)
        finally:
            C.nip_free(out)


# ---- where values lie ----
