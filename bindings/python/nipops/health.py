"""Are these targets healthy? Usable without a rollout."""
from ctypes import byref, c_void_p

from ._calls import call
from ._handle import Held, Using
from ._library import C
from .context import Context
from .document import Document
from .operation import Operation
from .records import HealthReport


def health_check(context: Context, document: Document) -> "Operation[HealthReport]":
    """
    Waits until every target of the document (`health:` with `targets:`) is healthy, or until its timeout. One thread, many targets.
    DocumentError. Running out of descriptors is never reported as a dead target.
    """
    out = c_void_p()
    with Using(context, document) as (ctx, doc):
        call(C.nip_health_check, ctx, doc, byref(out))
        assert out.value is not None
        return Operation(Held(out.value, C.nip_op_free, (document._hold(),)), HealthReport.read)
