"""
Planners for one app's release. Pure: a document, the record of what is released now (`Store.release`) and the observed state
(`observe`) go in, a plan comes out.
"""
from ctypes import byref
from dataclasses import dataclass
from typing import Optional

from . import _abi
from ._calls import call, encode, integer
from ._handle import Using, expect
from ._json import JsonMap, json_bytes, optional_json_bytes
from ._library import C
from .document import Document
from .plan import Plan
from .times import Instant, instant_ns


@dataclass(frozen=True)
class Split:
    """Instances of the new and of the old version during a canary."""

    canary: int
    stable: int


@dataclass(frozen=True)
class Fenceposts:
    """How many more and how many fewer instances than wanted a rolling update may have."""

    surge: int
    unavailable: int


def canary_split(replicas: int, weight: int, surge: int = 0) -> Split:
    """
    Splits `replicas` (0..1000000) between canary and stable so that the canary's share is nearest to `weight` percent (0..100), with
    `surge` instances (0..1000000) allowed beyond. InvalidError for values out of range.
    """
    split = _abi.nip_split()
    call(C.nip_canary_split, integer(replicas, "replicas"), integer(weight, "weight"), integer(surge, "surge"), byref(split))
    return Split(split.canary, split.stable)


def rolling_fenceposts(replicas: int, surge: str, unavailable: str) -> Fenceposts:
    """Resolves "25%" or "3" as a Kubernetes Deployment does: surge rounded up, unavailable down, never both 0. InvalidError."""
    posts = _abi.nip_fenceposts()
    call(C.nip_rolling_fenceposts, integer(replicas, "replicas"), encode(surge, "surge"), encode(unavailable, "unavailable"), byref(posts))
    return Fenceposts(posts.surge, posts.unavailable)


def plan_rollout(document: Document, release: Optional[JsonMap], observed: JsonMap) -> Plan:
    """
    Plans a rollout. `release` is None for the app's first. DocumentError (all problems at once); StateError: nothing to do, or no plan may
    start from the present state; the message says what would help.
    """
    expect(document, Document, "document")
    with Using(document) as (doc,):
        return Plan._made(C.nip_rollout_plan, doc, optional_json_bytes(release, "release"), json_bytes(observed, "observed"))


def plan_adopt(document: Document, release: Optional[JsonMap], observed: JsonMap) -> Plan:
    """
    Plans the release record of an app that runs already and that no rollout started: checks, adopts, records; starts, stops and routes
    nothing. DocumentError; StateError: there is a record, or what runs is not plainly what the document says.
    """
    expect(document, Document, "document")
    with Using(document) as (doc,):
        return Plan._made(C.nip_adopt_plan, doc, optional_json_bytes(release, "release"), json_bytes(observed, "observed"))


def plan_rollback(release: JsonMap, observed: JsonMap) -> Plan:
    """Plans the way to the release before this one; at once where it is still held, else by a rolling update. StateError."""
    return Plan._made(C.nip_rollback_plan, json_bytes(release, "release"), json_bytes(observed, "observed"))


def plan_ensure(release: JsonMap, observed: JsonMap) -> Plan:
    """Plans what makes the release record true again, after a reboot or a crash. A plan without steps: it is true."""
    return Plan._made(C.nip_ensure_plan, json_bytes(release, "release"), json_bytes(observed, "observed"))


def plan_retire(release: JsonMap, observed: JsonMap, now: Instant, *, force: bool = False) -> Plan:
    """Plans the end of versions that are held and whose time is over by `now`; with `force` of all that are held. StateError."""
    return Plan._made(C.nip_retire_plan, json_bytes(release, "release"), json_bytes(observed, "observed"), instant_ns(now), int(force))


def compare_observed(planned: JsonMap, fresh: JsonMap) -> None:
    """Compares two observed states by what a plan depends on. DiffersError names the differences."""
    call(C.nip_observed_compare, json_bytes(planned, "planned"), json_bytes(fresh, "fresh"))
