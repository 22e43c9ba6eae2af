"""How a release ends for the shell: with the exit statuses of the command nipops."""
import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import Any, Iterator

import nipops
from progress import say

STATUS_OF_OUTCOME = {"succeeded": 0, "returned": 1, "stopped": 3, "broken": 4}
FAILED, USAGE, REFUSED, BROKEN, HELD, CANCELLED = 1, 2, 3, 4, 6, 130

ERRORS = (
    (HELD, (nipops.HeldError, nipops.FencedError, nipops.BusyError)),
    (USAGE, (nipops.InvalidError, nipops.NotFoundError, nipops.LimitError, nipops.UnsupportedError)),
    (USAGE, (nipops.DocumentSyntaxError, nipops.DocumentError, nipops.FormatVersionError)),
    (REFUSED, (nipops.StateError, nipops.DiffersError)),
    (BROKEN, (nipops.CorruptError,)),
    (FAILED, (nipops.NipopsError,)),
)


class NotDrivenOn(Exception):
    """A run could not be driven on; why is its cause. The run stays as it is, to be resumed."""


def status_of(error: nipops.NipopsError) -> int:
    """The exit status of an error before anything was begun."""
    return next(status for status, kinds in ERRORS if isinstance(error, kinds))


def complain(error: nipops.NipopsError) -> None:
    """All that was wrong, a line each."""
    for problem in error.problems:
        say("error: %s" % problem, err=True)


def interrupt_again(ignored: Any) -> None:
    """Python ignores what is raised in a finalizer. A Ctrl-C that comes just there must not be lost: it is asked for once more."""
    if issubclass(ignored.exc_type, KeyboardInterrupt):
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()  # not here: what is raised in this function is ignored, too
    else:
        sys.__unraisablehook__(ignored)


@contextmanager
def exiting() -> Iterator[None]:
    """Around a whole command: SIGTERM is taken as Ctrl-C, and errors become lines and exit statuses."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.unraisablehook = interrupt_again
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    except NotDrivenOn as left:
        assert isinstance(left.__cause__, nipops.NipopsError)
        complain(left.__cause__)
        sys.exit(HELD if status_of(left.__cause__) == HELD else BROKEN)
    except nipops.NipopsError as error:
        complain(error)
        sys.exit(status_of(error))
