"""
Locks of the C objects: one object, one thread at a time.

A call takes the locks of all objects that it uses, in one order for all threads, so that no two threads can wait for each other.
A callback, inside a call, may call again: what its thread holds already it may take again. What it does not hold comes late in that order
perhaps; then it is taken only if that needs no waiting, and BusyError says so otherwise.

An exception may come between any two steps here, since Ctrl-C raises one. So a lock is noted before it is acquired, each thread
acquires a lock once at most, and giving back may be repeated: it asks the lock itself whether it is owned.
"""
import itertools
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, Iterable, List, Optional, Tuple

from .errors import BusyError

_numbers = itertools.count()


class Lock:
    """A lock with its place in the order."""

    __slots__ = ("order", "acquire", "release", "is_owned")

    def __init__(self, order: Optional[int] = None) -> None:
        lock: Any = threading.RLock()  # for _is_owned
        self.order = next(_numbers) if order is None else order
        self.acquire: Callable[[bool], bool] = lock.acquire
        self.release: Callable[[], None] = lock.release
        self.is_owned: Callable[[], bool] = lock._is_owned


class _Noted(threading.local):
    """Locks that the present thread holds or is about to acquire, by who took them."""

    def __init__(self) -> None:
        self.locks: Dict[int, List[Lock]] = {}


_noted = _Noted()
_waiting: Deque[Tuple[Callable[[], Tuple[Lock, ...]], Callable[[], None]]] = deque()


def holds(lock: Lock) -> bool:
    """Is the present thread inside a call that uses this object?"""
    return lock.is_owned()


def ordered(locks: Iterable[Lock]) -> Tuple[Lock, ...]:
    """The locks, each once, in the order in which they are to be taken."""
    return tuple(sorted(set(locks), key=lambda lock: lock.order))


class Locked:
    """Holds locks, which must be `ordered`, for the length of a with statement."""

    __slots__ = ("_locks",)

    def __init__(self, locks: Tuple[Lock, ...]) -> None:
        self._locks = locks

    def __enter__(self) -> Any:
        try:
            self._take()
        except BaseException:
            self._give_back()
            raise

    def __exit__(self, *_: Any) -> None:
        try:
            self._give_back()
        except BaseException:
            self._give_back()
            raise
        if _waiting:
            settle()

    def __del__(self, noted: _Noted = _noted) -> None:
        if id(self) in noted.locks:  # an exception came before the first step of __exit__
            self.__exit__()

    def _take(self) -> None:
        noted = _noted.locks
        last = max((lock.order for locks in noted.values() for lock in locks), default=-2) if noted else -2
        mine = noted[id(self)] = []
        for lock in self._locks:
            mine.append(lock)
            if not lock.is_owned() and not lock.acquire(lock.order > last):
                raise BusyError("the object is in use by another thread, and a callback must not wait for it", retryable=True)

    def _try(self) -> bool:
        """The same without ever waiting: False when another thread has one of the locks."""
        mine = _noted.locks[id(self)] = []
        for lock in self._locks:
            mine.append(lock)
            if not lock.is_owned() and not lock.acquire(False):
                return False
        return True

    def _give_back(self) -> None:
        """May be repeated: who was interrupted here is still noted."""
        noted, me = _noted.locks, id(self)
        if me not in noted:
            return
        alone = len(noted) == 1
        for lock in reversed(self._locks):
            if alone or not any(lock in locks for other, locks in list(noted.items()) if other != me):
                while lock.is_owned():
                    lock.release()
        noted.pop(me, None)


def when_free(locks: Callable[[], Tuple[Lock, ...]], action: Callable[[], None]) -> None:
    """
    Does something that needs these locks: now, or when whoever has one of them gives it back. It never waits, so that it may be called
    while garbage is collected, at any place of any thread.
    """
    _waiting.append((locks, action))
    settle()


def settle() -> None:
    """Does what has waited for locks that are free now."""
    for item in list(_waiting):
        locked = Locked(item[0]())
        try:
            if locked._try():
                _do_once(item)
        finally:
            locked._give_back()


def _do_once(item: Tuple[Callable[[], Tuple[Lock, ...]], Callable[[], None]]) -> None:
    try:
        _waiting.remove(item)
    except ValueError:
        return  # another thread was quicker
    item[1]()


def forget() -> None:
    """In the child of a fork, nothing of the parent's is held, waited for or freed."""
    _waiting.clear()
    _noted.locks.clear()
