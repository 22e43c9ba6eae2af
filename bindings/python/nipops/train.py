"""
Release trains: several apps that are released together, in an order, all or none of them. A train is a document (key "train"); its plan is made
of the apps' plans, and its run is driven like any other.
"""
from typing import List, Sequence

from ._handle import Using, expect
from ._library import C
from .document import Document
from .plan import Plan


def train_apps(document: Document) -> List[Document]:
    """
    The rollout documents of a train's apps, in its order: read from their files, whose paths are seen from the train's own file, or taken out
    of the train's document. Where the train has a barrier, they wait at it. SystemCallError, DocumentSyntaxError, DocumentError.
    """
    expect(document, Document, "document")
    with Using(document) as (doc,):
        return [Document._made(C.nip_train_app, doc, index) for index in range(C.nip_train_apps(doc))]


def plan_train(document: Document, plans: Sequence[Plan]) -> Plan:
    """
    Plans a train from the plans of its apps (`plan_rollout` of the documents that `train_apps` gives), one for each in its order. DocumentError
    (all problems at once); StateError: a plan that does not wait at the barrier; InvalidError: not as many plans as apps.
    """
    expect(document, Document, "document")
    texts = [plan.to_json() for plan in plans]
    with Using(document) as (doc,):
        return Plan._made(C.nip_train_plan, doc, ("[%s]" % ",".join(texts)).encode("utf-8"))
