"""What can go wrong: one exception for each code of the library, each of them also one of Python's own."""
import json
from typing import Any, Dict, Optional, Tuple, Type

from . import _abi


class NipopsError(Exception):
    """
    Something went wrong. What led to it is its ``__cause__``.

    code         NIP_E_* as a number, always negative
    name         "NIP_E_HELD"
    message      one line: what was wrong, where, and what would be right
    retryable    the same call may succeed later without any change
    file, path   file, and place in it ("/rollout/replicas"), of a document's error; else None
    line, column from 1; 0 when there is none
    http_status  of the reply that failed; 0 when none
    os_errno     of the system call that failed; 0 when none
    """

    def __init__(self, message: str, *, code: Optional[int] = None, name: Optional[str] = None, retryable: bool = False,
                 file: Optional[str] = None, path: Optional[str] = None, line: int = 0, column: int = 0, http_status: int = 0,
                 os_errno: int = 0, problems: Tuple["NipopsError", ...] = (), text: Optional[str] = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = CODES_BY_CLASS.get(type(self), _abi.NIP_E_INTERNAL) if code is None else code
        self.name = _abi.ERROR_NAMES.get(self.code, "NIP_E_UNKNOWN") if name is None else name
        self.retryable = retryable
        self.file = file
        self.path = path
        self.line = line
        self.column = column
        self.http_status = http_status
        self.os_errno = os_errno
        if os_errno and isinstance(self, OSError):
            setattr(self, "errno", os_errno)  # said so, since the attribute is OSError's
        self._problems = problems
        self._text = text

    def __str__(self) -> str:
        return self.message

    @property
    def problems(self) -> Tuple["NipopsError", ...]:
        """All problems found at once, as documents report them; a plain error is its own only problem."""
        return self._problems or (self,)

    def to_json(self) -> str:
        """The whole as JSON text, as the library writes it."""
        if self._text is not None:
            return self._text
        return json.dumps({"v": 1, "code": self.code, "name": self.name, "message": self.message, "retryable": self.retryable})

    def __reduce__(self) -> Tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self._fields(), self.__cause__)

    def _fields(self) -> Dict[str, Any]:
        return {"code": self.code, "name": self.name, "retryable": self.retryable, "file": self.file, "path": self.path,
                "line": self.line, "column": self.column, "http_status": self.http_status, "os_errno": self.os_errno,
                "problems": self._problems, "text": self._text}


def _rebuild(kind: Type[NipopsError], message: str, fields: Dict[str, Any], cause: Optional[BaseException]) -> NipopsError:
    error = kind(message, **fields)
    error.__cause__ = cause
    return error


class InvalidError(NipopsError, ValueError):
    """An argument broke a rule that is stated where the call is described."""


class OutOfMemoryError(NipopsError, MemoryError):
    """Out of memory; nothing was changed."""


class NotFoundError(NipopsError, LookupError):
    """The named thing does not exist."""


class ConflictError(NipopsError, RuntimeError):
    """Somebody else wrote first: read again, decide again."""


class BusyError(NipopsError, RuntimeError):
    """The object is in use by another thread or caller."""


class CancelledError(NipopsError, RuntimeError):
    """Stopped on request; resumable."""


class TimedOutError(NipopsError, TimeoutError):
    """The time given ran out."""


class SystemCallError(NipopsError, OSError):
    """The operating system refused; ``os_errno`` (and ``errno``) say why."""


class LimitError(NipopsError, ValueError):
    """Larger than a stated limit."""


class UnsupportedError(NipopsError, NotImplementedError):
    """This build, driver or version cannot do it."""


class StateError(NipopsError, RuntimeError):
    """Not possible in the present state."""


class CallbackError(NipopsError, RuntimeError):
    """A host's callback failed. An exception that one of Python's callbacks raised is raised as itself instead."""


class InternalError(NipopsError, RuntimeError):
    """A defect of the library."""


class DocumentSyntaxError(NipopsError, ValueError):
    """Not well-formed YAML or JSON."""


class DocumentError(NipopsError, ValueError):
    """Well-formed, but not a valid document of its kind; ``problems`` has all that was found."""


class FormatVersionError(NipopsError, RuntimeError):
    """A format newer than this library."""


class StoreError(NipopsError, OSError):
    """The store cannot be read or written."""


class CorruptError(NipopsError, RuntimeError):
    """Stored bytes do not match their hashes."""


class HeldError(NipopsError, RuntimeError):
    """Another living process holds the subject."""


class FencedError(NipopsError, RuntimeError):
    """The lease was taken over: this holder must stop."""


class ReadOnlyError(NipopsError, PermissionError):
    """The store may be read only."""


class FullError(NipopsError, OSError):
    """No space left for the store."""


class DriverError(NipopsError, RuntimeError):
    """An outside system failed or answered nonsense."""


class DiffersError(NipopsError, RuntimeError):
    """A fresh observation differs from the one a plan was made for."""


class ClosedError(StateError, ValueError):
    """The object was closed, or belongs to another process."""


CLASSES: Dict[int, Type[NipopsError]] = {
    _abi.NIP_E_INVALID: InvalidError,
    _abi.NIP_E_NOMEM: OutOfMemoryError,
    _abi.NIP_E_NOTFOUND: NotFoundError,
    _abi.NIP_E_CONFLICT: ConflictError,
    _abi.NIP_E_BUSY: BusyError,
    _abi.NIP_E_CANCELLED: CancelledError,
    _abi.NIP_E_TIMEOUT: TimedOutError,
    _abi.NIP_E_IO: SystemCallError,
    _abi.NIP_E_LIMIT: LimitError,
    _abi.NIP_E_UNSUPPORTED: UnsupportedError,
    _abi.NIP_E_STATE: StateError,
    _abi.NIP_E_USER: CallbackError,
    _abi.NIP_E_INTERNAL: InternalError,
    _abi.NIP_E_SYNTAX: DocumentSyntaxError,
    _abi.NIP_E_DOCUMENT: DocumentError,
    _abi.NIP_E_VERSION: FormatVersionError,
    _abi.NIP_E_STORE: StoreError,
    _abi.NIP_E_CORRUPT: CorruptError,
    _abi.NIP_E_HELD: HeldError,
    _abi.NIP_E_FENCED: FencedError,
    _abi.NIP_E_READONLY: ReadOnlyError,
    _abi.NIP_E_FULL: FullError,
    _abi.NIP_E_DRIVER: DriverError,
    _abi.NIP_E_DIFFERS: DiffersError,
}
CODES_BY_CLASS: Dict[Type[NipopsError], int] = {kind: code for code, kind in CLASSES.items()}
CODES_BY_CLASS[ClosedError] = _abi.NIP_E_STATE

for _public in (NipopsError, *CODES_BY_CLASS):
    _public.__module__ = "nipops"  # so that a traceback names it as programs do: nipops.HeldError
