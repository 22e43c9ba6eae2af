"""
Locks of the C objects: one object, one thread at a time.

A call takes the locks of all objects that it uses, in one order for all threads, so that no two threads can wait for each other.
A callback, inside a call, may call again: what its thread holds already it may take again. What it does not hold comes late in that order
perhaps; then it is taken only if that needs no waiting, and BusyError says so otherwise.
"""
import itertools
import threading
from collections import deque
from typing import Any, Callable, Deque, Iterable, List, Tuple

from .errors import BusyError

_numbers = itertools.count()


class Lock:
    """A reentrant lock with its place in the order."""

    __slots__ = ("order", "lock")

    def __init__(self) -> None:
        self.order = next(_numbers)
        self.lock = threading.RLock()


class _Held(threading.local):
    """Locks that the present thread holds, in the order of taking, with repetitions."""

    def __init__(self) -> None:
        self.locks: List[Lock] = []


_held = _Held()
_waiting: Deque[Tuple[Callable[[], Tuple[Lock, ...]], Callable[[], None]]] = deque()


def holds(lock: Lock) -> bool:
    """Is the present thread inside a call that uses this object?"""
    return lock in _held.locks


def ordered(locks: Iterable[Lock]) -> Tuple[Lock, ...]:
    """The locks, each once, in the order in which they are to be taken."""
    return tuple(sorted(set(locks), key=lambda lock: lock.order))


class Locked:
    """Holds locks, which must be `ordered`, for the length of a with statement."""

    __slots__ = ("_locks",)

    def __init__(self, locks: Tuple[Lock, ...]) -> None:
        self._locks = locks

    def __enter__(self) -> None:
        take(self._locks)

    def __exit__(self, *_: Any) -> None:
        give_back(self._locks)


def take(locks: Tuple[Lock, ...]) -> None:
    """Takes all of them or none; they must be `ordered`."""
    held = _held.locks
    before = len(held)
    try:
        for lock in locks:
            if not lock.lock.acquire(not before or _may_wait_for(lock, held)):
                raise BusyError("the object is in use by another thread, and a callback must not wait for it", retryable=True)
            held.append(lock)
    except BaseException:
        _give_back(locks[:len(held) - before])
        raise


def give_back(locks: Tuple[Lock, ...]) -> None:
    """Gives back what was taken, and does what has waited for it."""
    _give_back(locks)
    if _waiting:
        settle()


def _may_wait_for(lock: Lock, held: List[Lock]) -> bool:
    return lock in held or lock.order > max(other.order for other in held)


def _give_back(locks: Tuple[Lock, ...]) -> None:
    held = _held.locks
    for lock in reversed(locks):
        held.remove(lock)
        lock.lock.release()


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
        locks = item[0]()
        if not _try_all(locks):
            continue
        try:
            _do_once(item)
        finally:
            _give_back(locks)


def _try_all(locks: Tuple[Lock, ...]) -> bool:
    for count, lock in enumerate(locks):
        if not lock.lock.acquire(blocking=False):
            _give_back(locks[:count])
            return False
        _held.locks.append(lock)
    return True


def _do_once(item: Tuple[Callable[[], Tuple[Lock, ...]], Callable[[], None]]) -> None:
    try:
        _waiting.remove(item)
    except ValueError:
        return  # another thread was quicker
    item[1]()


def forget() -> None:
    """In the child of a fork, nothing of the parent's is held, waited for or freed."""
    _waiting.clear()
    _held.locks.clear()
