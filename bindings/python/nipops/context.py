"""What a host gives the library once: clock, randomness, limits."""
import os
from ctypes import byref
from datetime import datetime
from typing import Optional, Union

from ._calls import call, encode, encode_path, integer, settle_callbacks
from ._handle import Handle, Using, made
from ._library import C
from .clock import Clock, clock_table, forget_clock
from .times import format_time, to_datetime


class Context(Handle):
    """
    Clock, randomness and limits for everything that is made with it. May be shared by threads, and closed while others still use it.

    seed           all randomness from this seed, for tests and simulations; None: the system's
    clock          "real"; or a datetime: a clock that stands still there until an operation waits, which moves it; or a Clock
    state_dir      folder for what built-in drivers must remember; the local driver needs one. The store's path plus ".d" lets the
                   command `nipops` go on with the same runs; another folder than before loses sight of the instances
    in_flight_max  most network transfers and children at once, 1..100000 (1024)
    """

    __slots__ = ()
    _noun = "context"

    def __init__(self, *, seed: Optional[int] = None, clock: Union[str, datetime, Clock] = "real",
                 state_dir: "Union[str, os.PathLike[str], None]" = None, in_flight_max: Optional[int] = None) -> None:
        super().__init__(made(C.nip_ctx_free, (), C.nip_ctx_new))
        self._set_clock(clock)
        if seed is not None:
            self._set("seed", b"%d" % integer(seed, "seed"))
        if state_dir is not None:
            self._set("state.dir", encode_path(state_dir, "state_dir"))
        if in_flight_max is not None:
            self._set("in_flight_max", b"%d" % integer(in_flight_max, "in_flight_max"))

    def _set(self, key: str, value: bytes) -> None:
        with Using(self) as (ctx,):
            call(C.nip_ctx_set, ctx, encode(key, "key"), value)

    def _set_clock(self, clock: Union[str, datetime, Clock]) -> None:
        if isinstance(clock, datetime):
            self._set("clock", encode("virtual:" + format_time(clock), "clock"))
        elif isinstance(clock, Clock):
            self._set_own_clock(clock)
        elif clock != "real":
            self._set("clock", encode(clock, "clock"))

    def _set_own_clock(self, clock: Clock) -> None:
        table = clock_table(clock)
        try:
            with Using(self) as (ctx,):
                call(C.nip_ctx_set_clock, ctx, byref(table))
        except BaseException:
            forget_clock(table)
            raise

    def another(self) -> "Context":
        """A second wrapper of the same context, which stays usable when this one is closed."""
        context = Context.__new__(Context)
        Handle.__init__(context, self._hold())
        return context

    def now_ns(self) -> int:
        """The instant now by the context's clock, in nanoseconds since the epoch."""
        held = self._hold()
        now: int = C.nip_ctx_now(held.pointer)
        settle_callbacks()
        return now

    def now(self) -> datetime:
        """The same to the microsecond."""
        now = to_datetime(self.now_ns())
        assert now is not None
        return now
