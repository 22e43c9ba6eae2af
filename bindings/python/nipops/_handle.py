"""
Objects of the library, and who holds them.

A `Held` is one C object. It is freed when nobody refers to it any more: neither its wrapper (which lets go in close), nor objects made
from it, nor a call that is under way in another thread. So nothing is freed under anybody's feet, in whatever order things are closed.
"""
import os
import sys
import warnings
import weakref
from ctypes import byref, c_void_p
from types import TracebackType
from typing import Any, Callable, List, NoReturn, Optional, Tuple, Type, TypeVar, Union

from ._calls import log_kept, settle
from ._locks import Lock, Locked, forget, ordered, when_free
from .errors import BusyError, ClosedError

Self = TypeVar("Self", bound="Handle")

_pid = os.getpid()  # kept, since every call compares it, and asking the system costs as much as taking a lock


def _forked() -> None:
    global _pid
    _pid = os.getpid()
    forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Held:
    """A C object, with the ones that it must not outlive."""

    __slots__ = ("pointer", "parents", "lock", "pid", "__weakref__")

    def __init__(self, owned: List[c_void_p], free: Callable[[int], Any], parents: Tuple["Held", ...] = ()) -> None:
        self.pointer: int = owned[0].value or 0
        self.parents: List[Held] = list(parents)
        self.lock = Lock()
        self.pid = _pid
        finalizer = weakref.finalize(self, _release, owned, free, self.lock, self.parents, self.pid)
        finalizer.atexit = False  # what is open when the interpreter ends is left as it is; a run can be taken up again

    def __reduce__(self) -> NoReturn:
        raise TypeError("an object of the C library cannot be copied or pickled")  # the copy would not keep it from being freed

    def _hold(self) -> "Held":
        """As a handle's, so that both may be given to Using."""
        return self

    def locks(self) -> List[Lock]:
        """Its own lock and those of everything it uses."""
        return _locks(self.lock, self.parents)


def expect(value: Any, kind: type, name: str) -> None:
    """Refuses what is no such thing, since it is easy to swap arguments."""
    if not isinstance(value, kind):
        raise TypeError("%s must be nipops.%s, found %s" % (name, kind.__name__, type(value).__name__))


def made(free: Callable[[int], Any], parents: Tuple[Held, ...], function: Any, *arguments: Any) -> Held:
    """Calls a function that makes an object, and gives it before its error."""
    out, error = c_void_p(), c_void_p()
    owned = [out]
    try:
        code: int = function(*arguments, byref(out), byref(error))
        settle(code, error)
        return Held(owned, free, parents)
    except BaseException:  # of a callback, or Ctrl-C: nobody will ask for what was made
        _free(owned, free)
        raise


def _free(owned: List[c_void_p], free: Callable[[int], Any]) -> None:
    """Frees what the list holds, if it is still there: whoever takes it out is the only one to free it."""
    pointer = owned.pop().value if owned else None
    if pointer is not None:
        free(pointer)
        log_kept()


def _locks(lock: Lock, parents: List[Held]) -> List[Lock]:
    locks = [lock]
    for parent in parents:
        locks += parent.locks()
    return locks


def _release(owned: List[c_void_p], free: Callable[[int], Any], lock: Lock, parents: List[Held], pid: int) -> None:
    """Frees the C object, unless a fork has made this another process: there, it is the parent's."""
    if pid != os.getpid():
        return

    when_free(lambda: ordered(_locks(lock, parents)), lambda: _free(owned, free))


class Using(Locked):
    """
    The C objects of some handles (or what these hold), locked and kept for the length of a with statement. Every call goes through here,
    and most use one object that uses no other: that has a short way.
    """

    __slots__ = ("_held", "_pointers")

    def __init__(self, *handles: "Union[Handle, Held]") -> None:
        if len(handles) == 1:
            held = handles[0]._hold()
            self._held: Tuple[Held, ...] = (held,)
            self._pointers: Tuple[int, ...] = (held.pointer,)
            self._locks = ordered(held.locks()) if held.parents else (held.lock,)
        else:
            self._held = tuple(handle._hold() for handle in handles)
            self._pointers = tuple(held.pointer for held in self._held)
            self._locks = ordered(lock for held in self._held for lock in held.locks())

    def __enter__(self) -> Tuple[int, ...]:
        try:
            self._take()
            return self._pointers
        except BaseException:
            self._give_back()
            raise


class Handle:
    """Something that must be closed: by a with statement, by close(), or, with less certainty when, by garbage collection."""

    __slots__ = ("_held", "__weakref__")

    _noun = "object"
    _makers = "what gives it"  # for who calls the class itself
    _held: Optional[Held]

    def __init__(self, held: Held) -> None:
        if not isinstance(held, Held):
            raise TypeError("%s is not made by its class: use %s; found %s" % (self._noun, self._makers, type(held).__name__))
        self._held = held

    def __repr__(self) -> str:
        return "<nipops.%s%s>" % (type(self).__name__, " closed" if self.closed else "")

    def __reduce__(self) -> NoReturn:
        raise TypeError("%s cannot be copied or pickled: it stands for an object of the C library" % self._noun)

    def _hold(self) -> Held:
        held = self._held
        if held is None:
            raise ClosedError("%s is closed" % self._noun)
        if held.pid != _pid:
            raise ClosedError("%s belongs to process %d: make a new one after a fork" % (self._noun, held.pid))
        return held

    @property
    def closed(self) -> bool:
        """True once close() was called."""
        return getattr(self, "_held", None) is None

    def close(self) -> None:
        """
        Gives it up; further calls raise ClosedError. May be called twice, and from any thread. What was made from it (runs of a store)
        stays usable, and keeps the C object until closed too. In the child of a fork this does nothing: the object is the parent's.
        """
        held, self._held = self._held, None
        if held is None or held.pid != os.getpid():
            return
        try:
            with Locked(ordered(held.locks())):  # whoever is in a call finishes it first; then it is freed here and now
                del held
        except BusyError:
            pass  # closed by a callback: it is freed when the call around it has returned

    def __enter__(self: Self) -> Self:
        self._hold()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]) -> None:
        self.close()

    def _warn_if_open(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        """For __del__ of what must not be forgotten; it only warns, the Held frees. At the very end, even modules are gone."""
        held: Optional[Held] = getattr(self, "_held", None)
        if held is not None and not is_finalizing() and held.pid == os.getpid():
            warnings.warn("unclosed %s" % self._noun, ResourceWarning, source=self)
