"""
Instants and lengths of time.

The library counts nanoseconds; Python's datetime has microseconds only. So whatever takes an instant takes an aware datetime or an int of
nanoseconds since 1970-01-01T00:00:00Z, and whatever gives one gives both (``at`` and ``at_ns``). Lengths are timedelta or int nanoseconds.
"""
from ctypes import byref, c_int64
from datetime import datetime, timedelta, timezone
from typing import Optional, Union

from . import _abi
from ._calls import call, encode, take_text
from ._library import C

Instant = Union[datetime, int]
Duration = Union[timedelta, int]

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MICROSECOND = timedelta(microseconds=1)


def instant_ns(instant: Instant) -> int:
    """Nanoseconds since the epoch. ValueError for a naive datetime and outside the years 1677 to 2262."""
    if isinstance(instant, datetime):
        if instant.utcoffset() is None:
            raise ValueError("a datetime without time zone is no instant: give it one, for example tzinfo=timezone.utc")
        return _in_range((instant - EPOCH) // MICROSECOND * _abi.NIP_MICROSECOND, "an instant")
    return _integer(instant, "an instant must be an aware datetime or int nanoseconds")


def duration_ns(duration: Duration) -> int:
    """Nanoseconds. ValueError beyond 292 years."""
    if isinstance(duration, timedelta):
        return _in_range(duration // MICROSECOND * _abi.NIP_MICROSECOND, "a length of time")
    return _integer(duration, "a length of time must be a timedelta or int nanoseconds")


def _integer(number: object, rule: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("%s, found %s" % (rule, type(number).__name__))
    return _in_range(number, "a time")


def _in_range(number: int, what: str) -> int:
    if not _abi.NIP_TIME_NONE <= number <= _abi.NIP_TIME_MAX:
        raise ValueError("%s must fit 64 bits of nanoseconds: years 1677 to 2262, or 292 years of length" % what)
    return number


def no_time(number: int) -> bool:
    """Does it stand for "never set" or "for ever"?"""
    return number in (_abi.NIP_TIME_NONE, _abi.NIP_TIME_MAX)


def to_datetime(number: Optional[int]) -> Optional[datetime]:
    """The instant to the microsecond before or at it; None for none."""
    if number is None or no_time(number):
        return None
    return EPOCH + timedelta(microseconds=number // _abi.NIP_MICROSECOND)


def to_datetime_up(number: Optional[int]) -> Optional[datetime]:
    """The instant to the microsecond after or at it: who waits until then does not find that it is not yet due."""
    if number is None or no_time(number):
        return None
    return EPOCH + timedelta(microseconds=-(-number // _abi.NIP_MICROSECOND))


def parse_time_ns(text: str) -> int:
    """Reads an RFC 3339 instant, "2026-11-23T05:49:30Z", to the nanosecond. InvalidError for anything else."""
    return _parse(C.nip_time_parse, text)


def parse_time(text: str) -> datetime:
    """The same to the microsecond."""
    return EPOCH + timedelta(microseconds=parse_time_ns(text) // _abi.NIP_MICROSECOND)


def format_time(instant: Instant) -> str:
    """The instant as RFC 3339 UTC with as many digits of a second as it needs."""
    return take_text(C.nip_time_format(instant_ns(instant)))


def parse_duration_ns(text: str) -> int:
    """Reads a length of time such as "90s", "1h30m" or "250ms", in nanoseconds. InvalidError for a bare number other than 0."""
    return _parse(C.nip_duration_parse, text)


def parse_duration(text: str) -> timedelta:
    """The same to the microsecond."""
    return timedelta(microseconds=parse_duration_ns(text) // _abi.NIP_MICROSECOND)


def format_duration(duration: Duration) -> str:
    """The length of time as documents write it, "1h30m"."""
    return take_text(C.nip_duration_format(duration_ns(duration)))


def _parse(function: object, text: str) -> int:
    value = c_int64()
    call(function, encode(text, "the text of a time"), byref(value))
    return value.value
