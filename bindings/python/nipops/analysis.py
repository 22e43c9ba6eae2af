"""Verdicts from samples. A verdict is never a number that stands for "missing"."""
from ctypes import byref, c_double
from enum import IntEnum

from . import _abi
from ._calls import borrowed_text, call, integer
from ._library import C


class Verdict(IntEnum):
    """What samples say."""

    PASS = _abi.NIP_VERDICT_PASS
    NO_DATA = _abi.NIP_VERDICT_NO_DATA            #: nothing came back, NaN, or the source failed
    INCONCLUSIVE = _abi.NIP_VERDICT_INCONCLUSIVE  #: data, but too little to tell
    FAIL = _abi.NIP_VERDICT_FAIL


def verdict_name(verdict: int) -> str:
    """ "pass", "no_data", "inconclusive" or "fail"."""
    return borrowed_text(C.nip_verdict_name(integer(verdict, "verdict", 32)))


def binomial_tail(events: int, total: int, rate: float) -> float:
    """
    Probability of `events` or more among `total` when each has probability `rate`: exact upper tail of the binomial distribution.
    InvalidError unless 0 <= events <= total <= 10^15 and 0 <= rate <= 1.
    """
    tail = c_double()
    call(C.nip_binomial_tail, integer(events, "events"), integer(total, "total"), rate, byref(tail))
    return tail.value


def ratio_verdict(events: int, total: int, limit: float, *, min_samples: int, look: int = 1, alpha: float = 0.01) -> Verdict:
    """
    Is a ratio of events above its limit? May be asked again as data come in: all looks together raise a false alarm with probability
    `alpha` at most.

    events, total  bad events, and all events, so far
    limit          highest ratio that is fine, 0..1
    min_samples    fewer than these: INCONCLUSIVE
    look           1 for the first look at these data, then 2, 3, ...
    alpha          0 < alpha < 1

    InvalidError for values out of range.
    """
    return Verdict(call(C.nip_ratio_verdict, integer(events, "events"), integer(total, "total"), limit,
                        integer(min_samples, "min_samples"), integer(look, "look"), alpha))
