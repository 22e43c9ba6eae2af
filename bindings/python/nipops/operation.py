"""
Operations: whatever waits.

An operation is driven in one of four ways: `run()` blocks until it is over; ``for event in operation`` too, and shows what happens;
``await operation`` and ``async for`` inside an event loop, without threads; `fileno()` and `step()` inside a loop of your own. Between
steps nothing is locked and the GIL is free. `cancel` alone waits for nothing, and may be called from signal handlers too. For simulations
there is `run_inside()`, one call of the library for all of it.
"""
import json
import math
import os
import select
import time
from contextlib import contextmanager
from ctypes import byref, c_char_p, c_void_p
from datetime import timedelta
from traceback import clear_frames
from typing import TYPE_CHECKING, Any, AsyncIterator, Callable, Dict, Generator, Generic, Iterator, List, Optional, Tuple, TypeVar, Union

from . import _abi
from ._calls import call, call_text, encode, settle
from ._handle import Handle, Held, Using, expect, made
from ._json import JsonMap, json_bytes
from ._library import C
from .context import Context
from .document import Document
from .errors import BusyError, OutOfMemoryError, TimedOutError, UnsupportedError
from .records import Raw, Record, RunStatus

if TYPE_CHECKING:
    import asyncio

    from .driver import Drivers
    from .run import Run
    from .store import Store

T = TypeVar("T")
Seconds = Union[float, timedelta, None]
MAY_BE_STEPPED_AGAIN = (_abi.NIP_OP_MORE, _abi.NIP_E_NOMEM, _abi.NIP_E_BUSY)
LONGEST_POLL = 3600.0  # seconds; poll() counts milliseconds in an int


def _seconds(timeout: Seconds) -> float:
    """Seconds; math.inf for ever."""
    seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else math.inf if timeout is None else float(timeout)
    if math.isnan(seconds):
        raise ValueError("a timeout must be a number of seconds, found nan")
    return seconds


class Operation(Handle, Generic[T]):
    """Something that is under way and has a result, `T`. Close it, or drive it to its end."""

    __slots__ = ("_read", "_fd", "_over", "_awaited", "_hosted")
    _noun = "operation"
    _makers = "Run.drive, run_rollout, observe or health_check"

    def __init__(self, held: Held, read: Callable[[Raw], T], *, hosted: bool = False) -> None:
        super().__init__(held)
        self._read = read
        self._hosted = hosted  # are there drivers of the host among its own?
        self._over = False
        self._awaited = False
        self._fd: int = C.nip_op_fd(held.pointer)

    def __del__(self) -> None:
        if not getattr(self, "_over", True):
            self._warn_if_open()

    @property
    def under_way(self) -> bool:
        """True until it is over, failed, was cancelled or closed."""
        return not self._over and not self.closed

    # ---- driving ----

    def step(self) -> bool:
        """Does what is due without waiting; True when the operation is over. Raises what the operation or a host's driver failed with."""
        return self._cross(C.nip_op_step)

    def _cross(self, function: Any, *arguments: Any) -> bool:
        error = c_void_p()
        with Using(self) as (op,):
            code: int = function(op, *arguments, byref(error))
            if code not in MAY_BE_STEPPED_AGAIN and not self._over:
                self._over = True
                C.nip_op_cancel(op)  # of what is over, this only wakes other threads that wait for it
            settle(code, error)
            return self._over

    def fileno(self) -> int:
        """Descriptor that becomes readable when `step` has something to do; the operation's own, to be polled only."""
        self._hold()
        return self._fd

    def wait(self, timeout: Seconds = None) -> bool:
        """Drives for `timeout` seconds at most; True when it is over. With a virtual clock it does not wait but moves the clock."""
        until = time.monotonic() + _seconds(timeout)
        with self._left_cleanly():
            while not self.step():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self._poll(left)
            return True

    def run(self, timeout: Seconds = None) -> T:
        """
        Drives to the end and gives the result. TimedOutError after `timeout` seconds: the operation is not over and may be driven on.
        CancelledError after `cancel`; Ctrl-C cancels, leaves a run so that it can be resumed, and goes on as KeyboardInterrupt. With
        drivers of the host, Ctrl-C is lost when it comes just as one of their methods is called: a handler of SIGINT that calls `cancel`
        works always.
        """
        if not self.wait(timeout):
            raise TimedOutError("the operation was not over after %g s; it may be driven on" % _seconds(timeout), retryable=True)
        return self.result()

    def run_inside(self) -> T:
        """
        `run`, in one call of the library: the cheapest way, for simulations with built-in drivers. Until it is over, the locks of all that
        it uses (run, store, drivers) are held, so that other threads that use them wait; and no signal handler of Python's runs, so that
        Ctrl-C comes through only then. `cancel` from another thread ends it early. UnsupportedError with drivers of the host.
        """
        self._cross_inside(C.nip_op_run)
        return self.result()

    def wait_inside(self, timeout: Seconds = None) -> bool:
        """
        The same for `timeout` seconds at most, and only until something happened that `events` tells; True when it is over. The seconds
        are those of the context's clock, which moves by itself here when it is virtual.
        """
        limit = min(max(_seconds(timeout), 0) * _abi.NIP_SECOND, _abi.NIP_TIME_MAX)
        return self._cross_inside(C.nip_op_wait, int(limit))

    def _cross_inside(self, function: Any, *arguments: Any) -> bool:
        self._hold()
        if self._hosted:
            raise UnsupportedError("drivers of the host can not be told from inside the library that they failed: use run() or wait()")
        with self._left_cleanly():
            return self._cross(function, *arguments)

    def _poll(self, seconds: float) -> None:
        """Waits without any lock, so that others may use store and drivers; a signal's handler runs at once."""
        held = self._hold()  # kept meanwhile: the descriptor must not become another one's
        poller = select.poll()
        poller.register(self._fd, select.POLLIN)
        poller.poll(math.ceil(min(seconds, LONGEST_POLL) * 1000))
        del held

    @contextmanager
    def _left_cleanly(self) -> Iterator[None]:
        """Whatever comes out of the driving (Ctrl-C, a callback's exception) ends it, so that a run is left ready to be resumed."""
        try:
            yield
        except (BusyError, OutOfMemoryError):
            raise
        except BaseException as error:
            if not isinstance(error, Exception):
                clear_frames(error.__traceback__)  # Ctrl-C may come before a with statement's exit can begin: locks wait in its frames
            if self.under_way:
                self._stop()
            raise

    def _stop(self) -> None:
        """Cancels it and makes the step that lets go of everything under way."""
        self.cancel()
        try:
            self.step()
        except Exception:
            pass  # that it was cancelled is known; the caller raises what came first

    def cancel(self) -> None:
        """Asks it to stop soon: whoever drives it gets CancelledError. From any thread and from signal handlers; twice is fine."""
        held = self._held
        if held is not None and held.pid == os.getpid():
            C.nip_op_cancel(held.pointer)

    def close(self) -> None:
        """Ends it; a run under way stays resumable. A thread that drives it is woken, and gets ClosedError."""
        if self.under_way:
            self.cancel()
        super().close()

    # ---- results and events ----

    def result(self) -> T:
        """What came out. StateError before the end, CancelledError after `cancel`."""
        with Using(self) as (op,):
            text = call_text(C.nip_op_result, op)
        return self._read(json.loads(text))

    def status(self) -> Dict[str, Any]:
        """Progress that is not in the journal, as a dict."""
        with Using(self) as (op,):
            status: Dict[str, Any] = json.loads(call_text(C.nip_op_status, op))
            return status

    def events(self) -> List[Record]:
        """Records of the run that were written since the last call, oldest first; of a watch, changes. Other operations have none."""
        found = []
        with Using(self) as (op,):
            text = c_char_p()
            while call(C.nip_op_next_event, op, byref(text)) == 1:
                own = (text.value or b"{}").decode("utf-8", "replace")
                found.append(Record.read(json.loads(own), own))
        return found

    def __iter__(self) -> Iterator[Record]:
        """Drives to the end, giving each event as it comes."""
        over = False
        while not over:
            with self._left_cleanly():
                over = self.step()
                found = self.events()
                if not over and not found:
                    self._poll(LONGEST_POLL)
            yield from found

    # ---- asyncio ----

    def __await__(self) -> Generator[Any, None, T]:
        """Drives to the end inside the running event loop. A task that is cancelled meanwhile cancels the operation."""
        return self._run_async().__await__()

    async def _run_async(self) -> T:
        while not await self._turn():
            pass
        return self.result()

    async def __aiter__(self) -> AsyncIterator[Record]:
        """The same, giving each event as it comes."""
        over = False
        while not over:
            over = await self._turn()
            for event in self.events():
                yield event

    async def _turn(self) -> bool:
        """Waits until there is something to do, and does it. True when it is over."""
        with self._left_cleanly():
            if self.under_way:
                await self._readable()
            return self.step()

    async def _readable(self) -> None:
        held = self._hold()
        if self._awaited:
            raise BusyError("another task drives this operation")
        import asyncio  # here, since it is slow to import, and whoever awaits has imported it already
        loop = asyncio.get_running_loop()
        ready: "asyncio.Future[None]" = loop.create_future()
        self._awaited = True
        loop.add_reader(self._fd, _set_ready, ready)
        try:
            await ready
        finally:
            loop.remove_reader(self._fd)
            self._awaited = False
            del held


def _set_ready(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


# ---- what makes operations ----

def _raw(raw: Raw) -> Raw:
    return raw


def _expect_drivers(drivers: "Drivers") -> None:
    from .driver import Drivers
    expect(drivers, Drivers, "drivers")


def drive_run(context: Context, run: "Run", drivers: "Drivers") -> "Operation[RunStatus]":
    """What `Run.drive` does."""
    _expect_drivers(drivers)
    with Using(context, run, drivers) as (ctx, run_pointer, drivers_pointer):
        return _operation(RunStatus.read, drivers, (run,), C.nip_op_run_plan, ctx, run_pointer, drivers_pointer)


def observe(context: Context, what: Union[Document, JsonMap], drivers: "Drivers") -> "Operation[Raw]":
    """
    Asks the drivers how things stand; its result is the observed state that planners take.

    what     a rollout document, or a release record (`Store.release`)
    drivers  what it names and the set lacks is opened and added
    """
    expect(context, Context, "context")
    _expect_drivers(drivers)
    if isinstance(what, Document):
        with Using(context, drivers, what) as (ctx, drivers_pointer, doc):
            return _operation(_raw, drivers, (what,), C.nip_op_observe, ctx, doc, None, drivers_pointer)
    release = json_bytes(what, "what")
    with Using(context, drivers) as (ctx, drivers_pointer):
        return _operation(_raw, drivers, (), C.nip_op_observe, ctx, None, release, drivers_pointer)


def run_rollout(context: Context, document: Document, store: "Store", drivers: "Drivers", *, who: str) -> "Operation[RunStatus]":
    """
    Does a whole rollout: observes, plans, runs the plan; its result is the status of the run that it made. What it does while another run
    of the app is not over says the document's `when_busy` (``document.set("/rollout/when_busy", "queue")``):

    refuse     (default) HeldError while somebody drives that run, StateError while nobody does
    queue      waits until that run is over; of several that wait the newest comes next, the others give way (StateError)
    supersede  asks that run to abort, waits until it is back (drives it back itself while nobody does), then observes and plans
    restart    the same, for a run of the very same version

    A run that is broken is no turn for those that wait: StateError. TimedOutError after a week.

    drivers  what the document names and the set lacks is opened and added
    who      person or program: who waits, and who asks the other run to abort

    Events are the app's journal from here on, records of a run that is waited for included.
    """
    from .store import Store
    expect(context, Context, "context")
    expect(document, Document, "document")
    expect(store, Store, "store")
    _expect_drivers(drivers)
    with Using(context, document, store, drivers) as (ctx, doc, store_pointer, drivers_pointer):
        return _operation(RunStatus.read, drivers, (document, store), C.nip_op_rollout, ctx, doc, store_pointer, drivers_pointer,
                          encode(who, "who"))


def _operation(read: Callable[[Raw], T], drivers: "Drivers", used: Tuple[Handle, ...], function: Any, *arguments: Any) -> "Operation[T]":
    parents = (drivers._hold(), *(handle._hold() for handle in used))
    return Operation(made(C.nip_op_free, parents, function, *arguments), read, hosted=drivers.has_hosts)
