"""Finds the shared library, loads it, and makes sure that it is the one that this package was made for."""
import ctypes
import os
from typing import Tuple

from . import _abi

NAME = "libnipops.so.0"
BUNDLED = os.path.join(os.path.dirname(os.path.abspath(__file__)), "_lib", NAME)


def _place() -> Tuple[str, str]:
    """What to load, and how to call that place in a message: $NIPOPS_LIBRARY, else the package's own copy, else the system's."""
    chosen = os.environ.get("NIPOPS_LIBRARY", "")
    if chosen:
        return chosen, "$NIPOPS_LIBRARY (%s)" % chosen
    if os.path.exists(BUNDLED):
        return BUNDLED, BUNDLED
    return NAME, "the system's %s" % NAME


def _refuse(place: str, found: str) -> ImportError:
    return ImportError("nipops %s needs libnipops %d.%d, but %s %s: install it, or set NIPOPS_LIBRARY to its file"
                       % (_abi.VERSION, _abi.NIP_VERSION_MAJOR, _abi.NIP_VERSION_MINOR, place, found))


def _check_version(library: ctypes.CDLL, place: str) -> None:
    """Before 1.0 a minor version may change the interface; from then on, only the major version may."""
    try:
        library.nip_version.restype = ctypes.c_char_p
        version: str = library.nip_version().decode()
    except AttributeError:
        raise _refuse(place, "is not libnipops") from None
    counted = 2 if _abi.NIP_VERSION_MAJOR == 0 else 1
    if version.split(".")[:counted] != _abi.VERSION.split(".")[:counted]:
        raise _refuse(place, "is version %s" % version)


def _load() -> ctypes.CDLL:
    path, place = _place()
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise _refuse(place, "cannot be loaded (%s)" % error) from None
    _check_version(library, place)
    try:
        _abi.declare(library)
    except AttributeError as error:
        raise _refuse(place, "lacks a function (%s)" % error) from None
    return library


C = _load()


def library_version() -> str:
    """Version of the C library in use, "0.1.0"."""
    version: bytes = C.nip_version()
    return version.decode()
