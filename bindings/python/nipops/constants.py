"""Constants of the C headers by name."""
from ctypes import byref, c_int64

from ._calls import call, encode
from ._library import C


def constant(name: str) -> int:
    """Value of a constant of the C headers: ``constant("NIP_SECOND")``. NotFoundError. From any thread."""
    value = c_int64()
    call(C.nip_constant, encode(name, "name"), byref(value))
    return value.value
