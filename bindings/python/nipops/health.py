"""Are these targets healthy? Usable without a rollout."""
from ._handle import Using, expect, made
from ._library import C
from .context import Context
from .document import Document
from .operation import Operation
from .records import HealthReport


def health_check(context: Context, document: Document) -> "Operation[HealthReport]":
    """
    Waits until every target of the document (`health:` with `targets:`) is healthy, or until its timeout. One thread, many targets.
    DocumentError. Running out of descriptors is never reported as a dead target.

    With `watch: true` it goes on until `cancel` or `close`. Each change of a target is an event (``for event in operation``) whose payload
    says `target`, `from`, `to` and `failure`; `status()` is a picture of all, the worst first. There is no result.
    """
    expect(context, Context, "context")
    expect(document, Document, "document")
    with Using(context, document) as (ctx, doc):
        return Operation(made(C.nip_op_free, (document._hold(),), C.nip_health_check, ctx, doc), HealthReport.read)
