"""A driver whose actions are ordinary functions that may block: each is called in a worker thread."""
import logging
import os
import threading
from collections import deque
from typing import Any, Callable, Deque, Dict, List, Mapping, Optional, Tuple, Union

from ._calls import exception_text
from .actions import OutcomeLike, VerbClass, done, failed, outcome_bytes
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
    daemons: they do not hold up the end of the interpreter. A virtual clock stands still while a function is at work, so that a deadline
    does not pass meanwhile, nor anything else of that run; with the real clock both go on.
    """

    def __init__(self, verbs: Mapping[str, Tuple[VerbClass, Work]], *, threads: int = 4) -> None:
        if threads < 1:
            raise ValueError("threads must be 1 or more, found %d" % threads)
        self.verbs = {verb: verb_class for verb, (verb_class, _) in verbs.items()}
        self._functions = {verb: function for verb, (_, function) in verbs.items()}
        self._most = threads
        self._crew: Optional[_Crew] = None  # from the first operation on, until nothing uses the driver any more

    def __getstate__(self) -> Dict[str, Any]:
        """A copy has threads of its own."""
        return {**vars(self), "_crew": None}

    def fd(self) -> int:
        """Readable when a worker has finished."""
        if self._crew is None or self._crew.pid != os.getpid():  # a fork leaves the threads to the parent
            self._crew = _Crew(self._functions, self._most)
        return self._crew.readable

    def start(self, action: DriverAction) -> Optional[OutcomeLike]:
        """Gives the action to a worker."""
        assert self._crew is not None  # fd() was asked before
        self._crew.take(action)
        return None

    def dispatch(self, now_ns: int) -> None:
        """Completes what workers have finished."""
        for action, outcome in self._crew.finished() if self._crew is not None else ():
            action.complete(outcome)

    def cancel(self, action: DriverAction) -> None:
        """Takes back what no worker has begun yet."""
        if self._crew is not None:
            self._crew.take_back(action)

    def close(self) -> None:
        """Lets the workers go; none is waited for. The driver may be bound anew afterwards."""
        crew, self._crew = self._crew, None
        if crew is not None and crew.pid == os.getpid():
            crew.dismiss()


class _Crew:
    """Threads, what they have to do, what they have done, and a pipe that tells of it. All but `_work` is for the thread that drives."""

    def __init__(self, functions: Mapping[str, Work], most: int) -> None:
        self.pid = os.getpid()
        self.threads: List[threading.Thread] = []
        self._functions = functions
        self._most = most
        self._changed = threading.Condition()
        self._waiting: Deque[DriverAction] = deque()
        self._finished: Deque[Tuple[DriverAction, OutcomeLike]] = deque()
        self._idle = 0
        self._dismissed = False
        self.readable, self._writable = os.pipe()
        os.set_blocking(self.readable, False)
        os.set_blocking(self._writable, False)

    def take(self, action: DriverAction) -> None:
        with self._changed:
            if self._idle <= len(self._waiting) and len(self.threads) < self._most:
                self._begin_thread()
            self._waiting.append(action)
            self._changed.notify()

    def _begin_thread(self) -> None:
        thread = threading.Thread(target=self._work, name="nipops-worker", daemon=True)
        thread.start()
        self.threads.append(thread)

    def take_back(self, action: DriverAction) -> None:
        with self._changed:
            self._waiting = deque(other for other in self._waiting if other is not action)  # two stores may have actions that are equal

    def finished(self) -> List[Tuple[DriverAction, OutcomeLike]]:
        with self._changed:
            try:
                os.read(self.readable, 4096)
            except BlockingIOError:
                pass
            found = list(self._finished)
            self._finished.clear()
            return found

    def dismiss(self) -> None:
        with self._changed:
            self._dismissed = True
            self._changed.notify_all()
            os.close(self.readable)
            os.close(self._writable)

    # ---- on a worker's thread ----

    def _work(self) -> None:
        while True:
            with self._changed:
                self._idle += 1
                self._changed.wait_for(lambda: self._dismissed or bool(self._waiting))
                self._idle -= 1
                if self._dismissed:
                    return
                action = self._waiting.popleft()
            self._finish(action, self._carry_out(action))

    def _carry_out(self, action: DriverAction) -> OutcomeLike:
        try:
            outcome = self._functions[action.verb](action)
            return outcome_bytes(done() if outcome is None else outcome).decode()  # here, where what is no outcome fails the action
        except BaseException as error:
            logger.error("%s of action %s failed", action.verb, action.id, exc_info=error)
            return failed("internal", "%s raised %s" % (action.verb, exception_text(error)))

    def _finish(self, action: DriverAction, outcome: OutcomeLike) -> None:
        with self._changed:
            if self._dismissed:
                return
            self._finished.append((action, outcome))
            try:
                os.write(self._writable, b"\0")
            except BlockingIOError:
                pass  # full of such bytes: it is readable
