"""Arrays of numbers for the library, which reads them where they are: array.array, numpy's arrays, memoryviews of these, read-only or not."""
import ctypes
import sys
from array import array
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref, c_char_p, c_double, c_int, c_int64, c_ssize_t, c_void_p, cast, py_object
from typing import Any, ContextManager, Iterator, Tuple

_ORDER = "<" if sys.byteorder == "little" else ">"
# Codes of array.array, and the formats of buffers that are the same.
_FORMATS = {
    "d": ("d", "@d", "=d", _ORDER + "d"),
    "q": ("q", "@q", "=q", _ORDER + "q") + (("l", "@l") if ctypes.sizeof(ctypes.c_long) == 8 else ()),
}


class _Buffer(Structure):
    """Python's Py_buffer, the form of which is part of its stable interface. ctypes itself gives no address of what is read-only."""

    _fields_ = [
        ("buf", c_void_p),
        ("obj", c_void_p),
        ("len", c_ssize_t),
        ("itemsize", c_ssize_t),
        ("readonly", c_int),
        ("ndim", c_int),
        ("format", c_char_p),
        ("shape", c_void_p),
        ("strides", c_void_p),
        ("suboffsets", c_void_p),
        ("internal", c_void_p),
    ]


def _view(values: Any, code: str) -> memoryview:
    """The values one after the other: as they are, if they are that, else copied."""
    try:
        view = memoryview(values)
    except TypeError:
        pass
    else:
        if view.format in _FORMATS[code] and view.c_contiguous:
            return view
    return memoryview(array(code, iter(values)))  # one by one: of bytes, array would take eight for a double


@contextmanager
def _numbers(values: Any, code: str, kind: Any) -> Iterator[Tuple[Any, int]]:
    with _view(values, code) as view:
        buffer = _Buffer()
        ctypes.pythonapi.PyObject_GetBuffer(py_object(view), byref(buffer), 0)
        try:
            yield cast(buffer.buf, POINTER(kind)), view.nbytes // ctypes.sizeof(kind)
        finally:
            ctypes.pythonapi.PyBuffer_Release(byref(buffer))


def doubles(values: Any) -> ContextManager[Tuple[Any, int]]:
    """Address and number of the values, which stay where they are as long as the with statement lasts."""
    return _numbers(values, "d", c_double)


def integers(values: Any) -> ContextManager[Tuple[Any, int]]:
    """The same for whole numbers of 64 bits."""
    return _numbers(values, "q", c_int64)
