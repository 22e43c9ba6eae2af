"""A host's own clock, for simulations and tests that own time."""
import ctypes
import itertools
from typing import Any, Dict, Optional

from . import _abi
from ._calls import integer, keep


class Clock:
    """
    Base class of a host's clock; a Context is made with it. Its methods are called on whatever thread asks for the time. One that fails
    gives the time before; its exception comes out of the call that asked.
    """

    #: True for a clock that stands still until `advance` moves it: operations then move it instead of waiting.
    virtual = False

    def real_ns(self) -> int:
        """The instant now in nanoseconds since 1970-01-01T00:00:00Z; it may step."""
        raise NotImplementedError

    def monotonic_ns(self) -> int:
        """Nanoseconds from an arbitrary start; never falls."""
        raise NotImplementedError

    def advance(self, monotonic_ns: int) -> None:
        """Moves both times on, to `monotonic_ns`. Called on a virtual clock only."""
        raise NotImplementedError


_clocks: Dict[int, Clock] = {}
_keys = itertools.count(1)
_last: Dict[Any, int] = {}
_types = {name: kind for name, kind in _abi.nip_clock._fields_ if isinstance(kind, type)}


def _ask(key: int, name: str) -> int:
    try:
        now = integer(getattr(_clocks[key], name)(), name)  # here: of what ctypes cannot convert, the library would see some number
        _last[key, name] = now
        return now
    except BaseException as error:
        keep(error)
        return _last.get((key, name), 0)


def _real(key: int) -> int:
    return _ask(key, "real_ns")


def _monotonic(key: int) -> int:
    return _ask(key, "monotonic_ns")


def _advance(key: int, monotonic_ns: int) -> int:
    try:
        _clocks[key].advance(monotonic_ns)
        return 0
    except BaseException as error:
        keep(error)
        return _abi.NIP_E_USER


def _destroy(key: int) -> None:
    _clocks.pop(key, None)
    _last.pop((key, "real_ns"), None)
    _last.pop((key, "monotonic_ns"), None)


# Made once and kept: C holds on to their addresses.
_CALLBACKS = {name: _types[name](function) for name, function in
              (("real", _real), ("monotonic", _monotonic), ("advance", _advance), ("destroy", _destroy))}


def clock_table(clock: Clock) -> _abi.nip_clock:
    """The clock as C sees it; it stays known here until the library's last use of it."""
    key = next(_keys)
    _clocks[key] = clock
    table = _abi.nip_clock(size=ctypes.sizeof(_abi.nip_clock), self=key, real=_CALLBACKS["real"], monotonic=_CALLBACKS["monotonic"],
                           destroy=_CALLBACKS["destroy"])
    if clock.virtual:
        table.advance = _CALLBACKS["advance"]
    return table


def forget_clock(table: _abi.nip_clock) -> None:
    """For a clock that no context took."""
    key: Optional[int] = table.self
    if key is not None:
        _destroy(key)
