"""Plans: data that can be printed, explained, stored and run later."""
import json
from typing import TYPE_CHECKING, Any, Dict, Optional

from ._calls import borrowed_text, call_text
from ._handle import Handle, Using, made
from ._json import JsonMap, json_bytes
from ._library import C
from .document import Document
from .times import Instant

if TYPE_CHECKING:
    from .run import Run
    from .store import Store


class Plan(Handle):
    """Steps forward, steps back, guards. Made by a planner (`plan_rollout`, ...), `from_json` or `from_document`."""

    __slots__ = ()
    _noun = "plan"
    _makers = "Plan.from_json, Plan.from_document or a planner such as plan_rollout"

    @classmethod
    def _made(cls, function: Any, *arguments: Any) -> "Plan":
        return cls(made(C.nip_plan_free, (), function, *arguments))

    @classmethod
    def from_json(cls, plan: JsonMap) -> "Plan":
        """
        Reads a plan from JSON text or a dict, and proves it runnable. DocumentSyntaxError, DocumentError (all problems),
        FormatVersionError.
        """
        data = json_bytes(plan, "plan")
        return cls._made(C.nip_plan_from_json, data, len(data))

    @classmethod
    def from_document(cls, document: Document) -> "Plan":
        """The same from a document, so that errors name line and column."""
        with Using(document) as (doc,):
            return cls._made(C.nip_plan_from_doc, doc)

    @property
    def subject(self) -> str:
        """What the plan acts on, "shop"."""
        with Using(self) as (plan,):
            return borrowed_text(C.nip_plan_subject(plan))

    @property
    def drivers(self) -> Dict[str, Any]:
        """Settings of each role's driver, for `Drivers.open`."""
        with Using(self) as (plan,):
            drivers: Dict[str, Any] = json.loads(borrowed_text(C.nip_plan_drivers(plan)) or "{}")
            return drivers

    @property
    def steps(self) -> int:
        """Number of steps forward."""
        with Using(self) as (plan,):
            steps: int = C.nip_plan_steps(plan)
            return steps

    def explain(self) -> str:
        """The plan for people: every step, what it requires, how long it may take, and what happens if it fails."""
        with Using(self) as (plan,):
            return call_text(C.nip_plan_explain, plan)

    def to_json(self) -> str:
        """The plan as JSON text; reading it back gives an equal plan."""
        with Using(self) as (plan,):
            return call_text(C.nip_plan_to_json, plan)

    def to_dict(self) -> Dict[str, Any]:
        """The same as a dict."""
        plan: Dict[str, Any] = json.loads(self.to_json())
        return plan

    def start(self, store: "Store", now: Optional[Instant] = None) -> "Run":
        """Begins a run of it: `Store.start`."""
        return store.start(self, now)
