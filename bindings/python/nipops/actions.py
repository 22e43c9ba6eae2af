"""Actions, which a run hands out, and outcomes, which it is told in return. docs/formats.md lists roles, verbs, arguments and results."""
import json
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Dict, Mapping, Optional, Union

from . import _abi
from ._calls import borrowed_text, shown
from ._json import json_bytes
from ._library import C
from .times import to_datetime


class VerbClass(IntEnum):
    """How a verb behaves when it is unknown whether it took effect."""

    READ = _abi.NIP_VERB_READ                #: changes nothing; may be repeated freely
    DECLARATIVE = _abi.NIP_VERB_DECLARATIVE  #: states a wanted end; may be repeated; the driver can tell whether it is in force
    ONCE = _abi.NIP_VERB_ONCE                #: each execution counts; in doubt a person decides


@dataclass(frozen=True)
class Action:
    """
    Something to carry out.

    id           unique in its journal, "shop-1.12"; the same when it is handed out again after a crash
    args         all references filled in
    before       what the plan expects to find before a declarative action; else None
    settles      do nothing, only tell whether the action took effect: `settled`
    repeated     intended by an earlier process that died or was stopped; it may have taken effect in part
    deadline_ns  instant after which nobody waits for the answer; None: for ever
    """

    id: str
    run: str
    subject: str
    role: str
    verb: str
    args: Dict[str, Any] = field(repr=False)  # they may hold secrets
    before: Optional[Dict[str, Any]] = field(repr=False)
    settles: bool
    repeated: bool
    deadline_ns: Optional[int]

    @property
    def deadline(self) -> Optional[datetime]:
        """The deadline to the microsecond."""
        return to_datetime(self.deadline_ns)


def action_fields(pointer: int) -> Dict[str, Any]:
    """Copies an action of the library, since it is borrowed for a while only."""
    before = C.nip_action_before(pointer)
    deadline: int = C.nip_action_deadline(pointer)
    return {
        "id": borrowed_text(C.nip_action_id(pointer)),
        "run": borrowed_text(C.nip_action_run(pointer)),
        "subject": borrowed_text(C.nip_action_subject(pointer)),
        "role": borrowed_text(C.nip_action_role(pointer)),
        "verb": borrowed_text(C.nip_action_verb(pointer)),
        "args": json.loads(borrowed_text(C.nip_action_args(pointer)) or "{}"),
        "before": None if before is None else json.loads(borrowed_text(before)),
        "settles": C.nip_action_settles(pointer) == 1,
        "repeated": C.nip_action_repeated(pointer) == 1,
        "deadline_ns": None if deadline == _abi.NIP_TIME_MAX else deadline,
    }


@dataclass(frozen=True)
class Outcome:
    """What came of an action: made by `done`, `failed` or `settled`."""

    outcome: str
    result: Optional[Mapping[str, Any]] = None
    reason: Optional[str] = None
    message: Optional[str] = None
    retryable: Optional[bool] = None

    def to_json(self) -> str:
        """As the library reads it."""
        present = {key: value for key, value in vars(self).items() if value is not None}
        if isinstance(self.message, str):
            present["message"] = shown(self.message)
        return json.dumps(present, ensure_ascii=False, allow_nan=False)


def done(result: Optional[Mapping[str, Any]] = None) -> Outcome:
    """It was done; `result` as docs/formats.md says for the verb."""
    return Outcome("done", {} if result is None else result)


def failed(reason: str, message: str, *, retryable: bool = False, result: Optional[Mapping[str, Any]] = None) -> Outcome:
    """It failed; `reason` is one word such as "port_taken", `message` one line for people."""
    return Outcome("failed", result, reason, message, retryable or None)  # not to be tried again is what saying nothing means


def settled(answer: str, message: Optional[str] = None, *, result: Optional[Mapping[str, Any]] = None) -> Outcome:
    """Answer to an action that settles: "in_force" (with the result it would have given), "not_yet" or "foreign"."""
    if answer not in ("in_force", "not_yet", "foreign"):
        raise ValueError('a settled action is "in_force", "not_yet" or "foreign", not %r' % (answer,))
    return Outcome(answer, result, None, message)


OutcomeLike = Union[Outcome, Mapping[str, Any], str]


def outcome_bytes(outcome: OutcomeLike) -> bytes:
    """An outcome for the library: an Outcome, a dict of its form, or JSON text."""
    return json_bytes(outcome.to_json() if isinstance(outcome, Outcome) else outcome, "outcome")
