"""Ctrl-C at whatever step of the package's own code: no lock is lost, nothing is freed twice, and no lease stays behind."""
import gc
import sys
import threading
import warnings

import nipops
from nipops import _handle, _locks

from .support import DOOR, PATIENCE, Case

FILES = {_handle.__file__, _locks.__file__}


class InterruptAt:
    """Raises KeyboardInterrupt at one step (entering a function, or one of its bytecodes) of the files that keep locks and objects."""

    def __init__(self, step):
        self.left = step

    def __enter__(self):
        sys.settrace(self._trace)
        return self

    def __exit__(self, *_):
        sys.settrace(None)

    def _trace(self, frame, event, _):
        if frame.f_code.co_filename not in FILES:
            return None
        frame.f_trace_opcodes = True
        if event in ("call", "opcode") and not in_finalizer(frame):
            self._count()
        return self._trace

    def _count(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def in_finalizer(frame):
    """There Python prints an exception instead of raising it."""
    while frame is not None:
        if frame.f_code.co_name in ("__del__", "_release"):
            return True
        frame = frame.f_back
    return False


class AtEveryStep(Case):
    def setUp(self):
        super().setUp()
        quiet = warnings.catch_warnings()
        quiet.__enter__()
        self.addCleanup(quiet.__exit__, None, None, None)
        warnings.simplefilter("ignore", ResourceWarning)  # what an interrupt keeps from being closed is freed all the same

    def interrupt_everywhere(self, work, check):
        step = 0
        while True:
            step += 1
            with InterruptAt(step) as interrupt:
                try:
                    work(step)
                except KeyboardInterrupt:
                    pass
            gc.collect()
            check(step)
            if interrupt.left > 0:
                break
        self.assertGreater(step, 50)

    def assert_free(self, *handles):
        """Can another thread take the locks of these?"""
        def take():
            for handle in handles:
                lock = handle._held.lock
                free.append(lock.acquire(False))
                if free[-1]:
                    lock.release()
        free = []
        thread = threading.Thread(target=take)
        thread.start()
        thread.join(PATIENCE)
        self.assertEqual(free, [True] * len(handles))
        self.assertEqual(_locks._noted.locks, {})

    def test_a_call(self):
        store = self.store(self.virtual())
        self.interrupt_everywhere(lambda step: store.append("notes", "note.written", {}), lambda step: self.assert_free(store))

    def test_a_call_with_two_objects(self):
        context, drivers = self.virtual(), self.drivers()
        self.interrupt_everywhere(lambda step: drivers.open({}, context), lambda step: self.assert_free(context, drivers))

    def test_what_is_made(self):
        store = self.store(self.virtual())
        plans = {}

        def begin(step):
            store.start(plans[step]).close()

        def check(step):
            self.assert_free(store)
            plans[step + 1] = nipops.Plan.from_json(dict(DOOR, subject="door%d" % (step + 1)))
            lease = store.lease("door%d" % step)
            self.assertFalse(lease is not None and lease.alive, "step %d left the lease behind" % step)
        check(0)
        self.interrupt_everywhere(begin, check)
