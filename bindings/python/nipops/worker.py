"""A driver whose actions are ordinary functions that may block: each is called in a worker thread."""
import logging
import os
import threading
from collections import deque
from typing import Callable, Deque, List, Mapping, Optional, Tuple, Union

from .actions import Outcome, OutcomeLike, VerbClass, done, failed
from .driver import Driver, DriverAction

logger = logging.getLogger("nipops")

Work = Callable[[DriverAction], Union[OutcomeLike, None]]


class WorkerDriver(Driver):
    """
    Carries out actions by functions in threads of its own.

    verbs    for each verb its class and its function: ``{"deploy": (VerbClass.DECLARATIVE, deploy)}``
    threads  most functions at work at once, 1 or more

    A function is given the action, and gives an Outcome, a dict of its form, or None for `done()`; an exception fails the action. A
    declarative function is also asked to settle (`action.settles`). When `action.cancelled`, nobody waits for it any more. The threads are
    daemons: they do not hold up the end of the interpreter. Use the real clock: a virtual one does not wait for threads.
    """

    def __init__(self, verbs: Mapping[str, Tuple[VerbClass, Work]], *, threads: int = 4) -> None:
        if threads < 1:
            raise ValueError("threads must be 1 or more, found %d" % threads)
        self.verbs = {verb: verb_class for verb, (verb_class, _) in verbs.items()}
        self._functions = {verb: function for verb, (_, function) in verbs.items()}
        self._most = threads
        self._threads: List[threading.Thread] = []
        self._changed = threading.Condition()
        self._waiting: Deque[DriverAction] = deque()
        self._finished: Deque[Tuple[DriverAction, OutcomeLike]] = deque()
        self._idle = 0
        self._closed = False
        self._readable, self._writable = os.pipe()
        os.set_blocking(self._readable, False)
        os.set_blocking(self._writable, False)

    # ---- on the thread that drives ----

    def start(self, action: DriverAction) -> Optional[OutcomeLike]:
        """Gives the action to a worker."""
        with self._changed:
            self._waiting.append(action)
            if self._idle < len(self._waiting) and len(self._threads) < self._most:
                self._begin_thread()
            self._changed.notify()
        return None

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="nipops-worker", daemon=True)
        self._threads.append(thread)
        thread.start()

    def fd(self) -> int:
        """Readable when a worker has finished."""
        return self._readable

    def dispatch(self, now_ns: int) -> None:
        """Completes what workers have finished."""
        try:
            os.read(self._readable, 4096)
        except BlockingIOError:
            pass
        while self._finished:
            action, outcome = self._finished.popleft()
            action.complete(outcome)

    def cancel(self, action: DriverAction) -> None:
        """Takes back what no worker has begun yet."""
        with self._changed:
            if action in self._waiting:
                self._waiting.remove(action)

    def close(self) -> None:
        """Lets the workers go; none is waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            os.close(self._readable)
            os.close(self._writable)

    # ---- on a worker's thread ----

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._closed or bool(self._waiting))
                self._idle -= 1
                if self._closed:
                    return
                action = self._waiting.popleft()
            self._finish(action, self._carry_out(action))

    def _carry_out(self, action: DriverAction) -> OutcomeLike:
        try:
            outcome = self._functions[action.verb](action)
            return done() if outcome is None else outcome
        except BaseException as error:
            logger.error("%s of action %s failed", action.verb, action.id, exc_info=error)
            return failed("internal", "%s raised %s: %s" % (action.verb, type(error).__name__, error))

    def _finish(self, action: DriverAction, outcome: OutcomeLike) -> None:
        with self._changed:
            if self._closed:
                return
            self._finished.append((action, outcome))
            try:
                os.write(self._writable, b"\0")
            except BlockingIOError:
                pass  # full of such bytes: it is readable


__all__ = ["Outcome", "WorkerDriver"]
