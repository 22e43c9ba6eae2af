"""How the library is called: text in, text out, errors as exceptions, exceptions of callbacks brought back."""
import os
import threading
from ctypes import byref, c_void_p, string_at
from typing import Any, Dict, List, Optional, Union

from ._library import C
from .errors import CLASSES, InvalidError, NipopsError, OutOfMemoryError

# Exceptions that callbacks raised, by thread: C cannot carry them, so they wait here until the call that led to them returns.
_kept: Dict[int, List[BaseException]] = {}


def keep(error: BaseException) -> None:
    """Keeps what a callback raised, for the call that drives it; what is asked several times a call fails several times alike."""
    kept = _kept.setdefault(threading.get_ident(), [])
    if all(exception_text(error) != exception_text(other) for other in kept):
        kept.append(error)


def exception_text(error: BaseException) -> str:
    """Type and text of any exception as text that UTF-8 can carry; an exception of a host may lack the one and hold anything."""
    try:
        text = "%s: %s" % (type(error).__name__, error)
    except BaseException:
        text = "%s, which has no text" % type(error).__name__
    return shown(text)


def shown(text: str) -> str:
    """Text for people: what the library's JSON cannot carry, lone surrogates and NUL, is shown by its number."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _log(what: str, error: BaseException) -> None:
    import logging  # here, since few programs come here, and importing it takes longer than a thousand calls
    logging.getLogger("nipops").error(what, exc_info=error)


def log_kept() -> None:
    """What callbacks raised while something was given up, when nobody is there to be told."""
    for error in _kept.pop(threading.get_ident(), ()):
        _log("a callback failed while its object was given up", error)


def call(function: Any, *arguments: Any) -> int:
    """Calls a function that takes an error as its last parameter; what it returns is 0 or more."""
    error = c_void_p()
    code: int = function(*arguments, byref(error))
    if code < 0 or _kept:
        settle(code, error)
    return code


def call_text(function: Any, *arguments: Any) -> str:
    """The same for one that gives text before its error."""
    out, error = c_void_p(), c_void_p()
    code: int = function(*arguments, byref(out), byref(error))
    text = take_text(out.value) if code >= 0 else ""
    settle(code, error)
    return text


def settle(code: int, error: c_void_p) -> None:
    """Raises what a call ended with: what a callback raised meanwhile, else the library's error; nothing when all went well."""
    if code >= 0 and not _kept:
        return
    failure = take_error(code, error.value) if code < 0 else None
    kept = _kept.pop(threading.get_ident(), None)
    if kept:
        for also in kept[1:]:
            _log("another callback failed", also)
        raise kept[0]
    if failure is not None:
        raise failure


def settle_callbacks() -> None:
    """The same for a call that has no errors of its own."""
    if _kept:
        settle(0, c_void_p())


def take_text(address: Optional[int]) -> str:
    """Copies text that the library gave away, and frees it."""
    if not address:
        raise OutOfMemoryError("out of memory")
    try:
        return string_at(address).decode("utf-8", "replace")
    finally:
        C.nip_free(address)


def borrowed_text(text: Optional[bytes]) -> str:
    """Text that stays the library's."""
    return "" if text is None else text.decode("utf-8", "replace")


def encode(text: str, what: str) -> bytes:
    """Text for the library. A NUL would cut it short without a word."""
    if not isinstance(text, str):
        raise TypeError("%s must be str, found %s" % (what, type(text).__name__))
    return _without_nul(text.encode("utf-8"), what)


def reason(text: Optional[str]) -> Optional[bytes]:
    """What people give for a reason, whatever is in it: nobody is to be refused for a character."""
    return None if text is None else shown(text).encode("utf-8") if isinstance(text, str) else encode(text, "why")


def encode_path(path: "Union[str, os.PathLike[str]]", what: str) -> bytes:
    """The same for a file's name, which may hold bytes that are no UTF-8: Python has them as lone surrogates."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError("%s must be str, found %s" % (what, type(text).__name__))
    return _without_nul(os.fsencode(text), what)


def _without_nul(encoded: bytes, what: str) -> bytes:
    if b"\0" in encoded:
        raise ValueError("%s must not hold a NUL character" % what)
    return encoded


def integer(number: int, what: str, bits: int = 64) -> int:
    """A number for the library. ctypes would cut one that is too large, without a word."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError("%s must be int, found %s" % (what, type(number).__name__))
    if not -1 << bits - 1 <= number < 1 << bits - 1:
        raise InvalidError("%s must fit %d bits, found %d" % (what, bits, number))
    return number


def take_error(code: int, address: Optional[int]) -> NipopsError:
    """Copies an error of the library and frees it."""
    if not address:
        return CLASSES.get(code, NipopsError)("the call failed with %s" % borrowed_text(C.nip_code_name(code)), code=code)
    try:
        return _copy_error(address)
    finally:
        C.nip_error_free(address)


def _copy_error(address: int) -> NipopsError:
    code: int = C.nip_error_code(address)
    error = CLASSES.get(code, NipopsError)(
        borrowed_text(C.nip_error_message(address)), code=code, name=borrowed_text(C.nip_error_name(address)),
        retryable=C.nip_error_retryable(address) == 1, file=_optional(C.nip_error_file(address)),
        path=_optional(C.nip_error_path(address)), line=C.nip_error_line(address), column=C.nip_error_column(address),
        http_status=C.nip_error_http_status(address), os_errno=C.nip_error_os_errno(address), problems=_copy_problems(address),
        text=take_text(C.nip_error_to_json(address)))
    cause = C.nip_error_cause(address)
    if cause:
        error.__cause__ = _copy_error(cause)
    return error


def _optional(text: Optional[bytes]) -> Optional[str]:
    return None if text is None else borrowed_text(text)


def _copy_problems(address: int) -> Any:
    """A plain error is its own only problem, and is not copied again for that."""
    problems = [C.nip_error_at(address, index) for index in range(C.nip_error_count(address))]
    return tuple(_copy_error(problem) for problem in problems if problem and problem != address)
