"""
Drivers: how actions reach the world. Built-in ones are opened by settings; a host's own derives from `Driver`.

Rules for a driver: start an action and return; never wait; never retry (the run does); complete every action exactly once.
"""
import ctypes
import itertools
import logging
import os
import weakref
from ctypes import byref
from dataclasses import fields
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from . import _abi
from ._calls import call, encode, exception_text, keep
from ._handle import Handle, Held, Using, expect, made
from ._json import JsonMap, json_bytes, optional_json_bytes
from ._library import C
from ._locks import Lock, Locked, holds
from .actions import Action, OutcomeLike, VerbClass, action_fields, failed, outcome_bytes
from .context import Context
from .errors import StateError
from .times import Instant, instant_ns

logger = logging.getLogger("nipops")


class DriverAction(Action):
    """An action that an operation handed to a driver: complete it now, from `start`, or later, from `dispatch`."""

    _pointer: Optional[int]
    _lock: Lock

    def complete(self, outcome: OutcomeLike) -> bool:
        """
        Says what came of it. False when nobody waits for it any more. StateError when it was completed before, or outside of a driver's
        methods: other threads give their results to the driver, and wake it by its descriptor (see WorkerDriver).
        """
        if self._pointer is None:
            if self.completed:
                raise StateError("action %s was completed before" % self.id)
            return False
        if not holds(self._lock):
            raise StateError("an action is completed from its driver's start or dispatch only")
        data = outcome_bytes(outcome)
        pointer = self._pointer
        self._end(completed=True)
        call(C.nip_action_complete, pointer, data)
        return True

    @property
    def completed(self) -> bool:
        """True once it was completed."""
        return bool(self.__dict__.get("_completed"))

    @property
    def cancelled(self) -> bool:
        """True once nobody waits for the answer any more."""
        return self._pointer is None and not self.completed

    def __reduce__(self) -> Tuple[Any, ...]:
        """A copy is an Action: what there is to complete is there once."""
        return Action, tuple(getattr(self, field.name) for field in fields(self))

    def _end(self, completed: bool) -> None:
        """From here on its memory is not touched: it is C's, and gone soon."""
        self.__dict__.update(_pointer=None, _completed=completed)


class Driver:
    """
    Base class of a host's own driver. Its methods are called on the thread that drives the operation, inside that operation's calls. An
    exception in `start` fails the action; one in `wake`, `fd` or `dispatch` comes out of the call that drives the operation.
    """

    #: Class of each verb that the driver knows.
    verbs: Mapping[str, VerbClass] = {}

    _own: "Optional[Tuple[int, weakref.ReferenceType[Held]]]" = None  # whose C object, and which; a copy has what its original has

    def verb_class(self, verb: str) -> Optional[VerbClass]:
        """Class of a verb; None when the driver does not know it."""
        return self.verbs.get(verb)

    def start(self, action: DriverAction) -> Optional[OutcomeLike]:
        """Begins an action: gives its outcome when that is known at once, else None and calls `action.complete` later."""
        raise NotImplementedError

    def cancel(self, action: DriverAction) -> None:
        """The result is no longer wanted; `action.complete` does nothing from now on."""

    def fd(self) -> int:
        """A descriptor to poll for reading, or -1; `dispatch` is called when it is readable. Asked once an operation."""
        return -1

    def wake(self) -> Optional[Instant]:
        """Instant (of the run's clock) at which `dispatch` wants to be called; None: never."""
        return None

    def dispatch(self, now_ns: int) -> None:
        """Does what is due without waiting; may complete actions."""

    def close(self) -> None:
        """Called once, when nothing uses the driver any more."""


class _Bound:
    """What C's `self` stands for: a driver and its actions under way."""

    def __init__(self, driver: Driver) -> None:
        self.driver = driver
        self.actions: Dict[int, DriverAction] = {}

    def forget_finished(self) -> None:
        for pointer in [pointer for pointer, action in self.actions.items() if action._pointer is None]:
            del self.actions[pointer]


_bound: Dict[int, _Bound] = {}
_keys = itertools.count(1)
_binding = Lock(-1)  # before all others: two threads that bind one driver make one C object, and none while it is closed
_types: Dict[str, Any] = dict(_abi.nip_driver_vtable._fields_[1:])


def _forked() -> None:
    """In the child of a fork, drivers are bound anew; another thread of the parent may have been binding."""
    global _binding
    _binding = Lock(-1)
    _bound.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


# ---- what C calls: nothing may leave these as an exception ----

def _verb_class(key: int, verb: bytes) -> int:
    try:
        found = _bound[key].driver.verb_class(verb.decode("utf-8", "replace"))
        return _abi.NIP_E_UNSUPPORTED if found is None else int(found)
    except BaseException as error:
        _log_or_keep(error, "verb_class")
        return _abi.NIP_E_UNSUPPORTED


def _start(key: int, pointer: int, now_ns: int, error_out: Any) -> int:
    action: Optional[DriverAction] = None
    try:
        action = _lend(_bound[key], pointer)
        outcome = _bound[key].driver.start(action)
        if outcome is not None:
            action.complete(outcome)
        return 0
    except BaseException as error:
        return _fail_start(action, error)


def _lend(bound: _Bound, pointer: int) -> DriverAction:
    held = _own_held(bound.driver)
    assert held is not None
    action = DriverAction(**action_fields(pointer))
    action.__dict__.update(_pointer=pointer, _lock=held.lock)
    bound.forget_finished()
    bound.actions[pointer] = action
    return action


def _fail_start(action: Optional[DriverAction], error: BaseException) -> int:
    """The action fails with the exception's name; the run turns back by itself."""
    _log_or_keep(error, "start")
    if action is None:
        return _abi.NIP_E_USER
    if action._pointer is None:
        return 0  # it was completed before the exception
    try:
        action.complete(failed("internal", "the driver raised %s" % exception_text(error)))
        return 0
    except BaseException as also:
        _log_or_keep(also, "start")
        return _abi.NIP_E_USER


def _log_or_keep(error: BaseException, where: str) -> None:
    """A fault of the driver is told by its action and the log; Ctrl-C and the like go to whoever drives."""
    if isinstance(error, Exception):
        logger.error("a driver's %s failed", where, exc_info=error)
    else:
        keep(error)


def _cancel(key: int, pointer: int) -> None:
    try:
        action = _bound[key].actions.pop(pointer, None)
        if action is not None:
            action._end(completed=False)
            _bound[key].driver.cancel(action)
    except BaseException as error:
        _log_or_keep(error, "cancel")


def _fd(key: int) -> int:
    try:
        return int(_bound[key].driver.fd())
    except BaseException as error:
        keep(error)
        return -1


def _wake(key: int) -> int:
    try:
        instant = _bound[key].driver.wake()
        return _abi.NIP_TIME_MAX if instant is None else instant_ns(instant)
    except BaseException as error:
        keep(error)
        return _abi.NIP_TIME_MAX


def _dispatch(key: int, now_ns: int, error_out: Any) -> int:
    try:
        _bound[key].driver.dispatch(now_ns)
        return 0
    except BaseException as error:
        keep(error)
        return _abi.NIP_E_USER


def _destroy(key: int) -> None:
    try:
        _binding.acquire(True)
        try:
            _close_unless_bound(_bound.pop(key).driver)
        finally:
            _binding.release()
    except BaseException as error:
        _log_or_keep(error, "close")


def _close_unless_bound(driver: Driver) -> None:
    """A driver may be bound anew, as another C object, before the one from its earlier sets is gone."""
    if all(bound.driver is not driver for bound in _bound.values()):
        driver.close()


# Made once and kept for ever, so that C never holds the address of something that is gone.
_VTABLE = _abi.nip_driver_vtable(
    size=ctypes.sizeof(_abi.nip_driver_vtable), verb_class=_types["verb_class"](_verb_class), start=_types["start"](_start),
    cancel=_types["cancel"](_cancel), fd=_types["fd"](_fd), wake=_types["wake"](_wake), dispatch=_types["dispatch"](_dispatch),
    destroy=_types["destroy"](_destroy))


def _own_held(driver: Driver) -> Optional[Held]:
    """Its C object, if there is one; that of the driver of which it is a copy is not its own."""
    owner, held = driver._own or (0, None)
    return held() if held is not None and owner == id(driver) else None


def _held_driver(driver: Driver) -> Held:
    """The C object of a host's driver: one, however often it is bound, for as long as something uses it."""
    held = _own_held(driver)
    if held is not None and held.pid == os.getpid():
        return held
    key = next(_keys)
    _bound[key] = _Bound(driver)
    held = made(C.nip_driver_free, (), C.nip_driver_new, byref(_VTABLE), key)
    driver._own = id(driver), weakref.ref(held)
    return held


# ---- sets of drivers ----

class OpenDriver(Handle):
    """A built-in driver, made by `open_driver`, to be bound to roles."""

    __slots__ = ()
    _noun = "driver"
    _makers = "open_driver"


def open_driver(context: Context, kind: str, settings: Optional[JsonMap] = None) -> OpenDriver:
    """
    Opens a built-in driver ("local", "command", "haproxy", "nginx", "prometheus", ...), with what a document says under target:, router: or
    metrics:. NotFoundError (no such driver), DocumentError (settings are wrong).
    """
    expect(context, Context, "context")
    with Using(context) as (ctx,):
        config = optional_json_bytes(settings, "settings")
        return OpenDriver(made(C.nip_driver_free, (), C.nip_driver_open, ctx, encode(kind, "kind"), config))


class Drivers(Handle):
    """
    Which driver serves which role ("target", "router", "metrics", "check", ...). Bind before operations use the set. It holds its drivers:
    one that refers to a set that it is bound in is let go only when that set is closed.

    context  for `open`
    """

    __slots__ = ("context", "has_hosts", "_places")
    _noun = "set of drivers"

    def __init__(self, context: Optional[Context] = None) -> None:
        if context is not None:
            expect(context, Context, "context")
        super().__init__(made(C.nip_drivers_free, (), C.nip_drivers_new))
        self.context = None if context is None else context.another()
        self._places: Dict[str, int] = {}  # where what serves a role stands among the parents
        self.has_hosts = False  # whether a driver of the host was ever bound

    def bind(self, role: str, driver: Union[Driver, OpenDriver]) -> "Drivers":
        """Lets `driver` serve `role`, in place of an earlier one; gives the set. BusyError while an operation uses the set."""
        if not isinstance(driver, (Driver, OpenDriver)):
            raise TypeError("a driver must derive from nipops.Driver or come from open_driver, found %s" % type(driver).__name__)
        own = self._hold()
        with Locked((_binding,)):
            held = driver._hold() if isinstance(driver, OpenDriver) else _held_driver(driver)
        with Using(self, held) as (drivers, pointer):
            call(C.nip_drivers_bind, drivers, encode(role, "role"), pointer)
            self._keep(own.parents, role, held)
            self.has_hosts = self.has_hosts or isinstance(driver, Driver)
        return self

    def _keep(self, parents: List[Held], role: str, held: Held) -> None:
        """In place of what served the role before, which may go."""
        if role in self._places:
            parents[self._places[role]] = held
        else:
            self._places[role] = len(parents)
            parents.append(held)

    def open(self, drivers: JsonMap, context: Optional[Context] = None) -> "Drivers":
        """
        Opens and binds what the "drivers" part of a plan or release record names, {"target": {"driver": "local", ...}, ...}, except for
        roles that are bound already; gives the set. `observe` and `Run.drive` do so by themselves. DocumentError, NotFoundError;
        BusyError while an operation uses the set.
        """
        context = context or self.context
        if context is None:
            raise ValueError("opening drivers needs a context: Drivers(context)")
        with Using(context, self) as (ctx, pointer):
            call(C.nip_drivers_open, pointer, ctx, json_bytes(drivers, "drivers"))
        return self


__all__: List[str] = ["Driver", "DriverAction", "Drivers", "OpenDriver", "open_driver"]
