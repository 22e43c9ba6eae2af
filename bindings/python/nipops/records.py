"""What the library tells, as values. All are read from JSON that may gain fields: what a class does not name is in its ``raw``."""
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Dict, List, Mapping, Optional

from ._json import time_at
from .times import to_datetime, to_datetime_up

Raw = Dict[str, Any]


def _raw() -> Any:
    return field(repr=False, compare=False, default_factory=dict)


def _text(raw: Mapping[str, Any], key: str) -> str:
    value = raw.get(key)
    return value if isinstance(value, str) else ""


def _optional_text(raw: Mapping[str, Any], key: str) -> Optional[str]:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def _integer(raw: Mapping[str, Any], key: str) -> int:
    """Integers beyond 2^53 - 1 come as decimal text."""
    value = raw.get(key)
    return int(value) if isinstance(value, (int, str)) else 0


def _list(raw: Mapping[str, Any], key: str) -> List[Any]:
    value = raw.get(key)
    return value if isinstance(value, list) else []


@dataclass(frozen=True)
class Record:
    """
    One record of a journal.

    sequence  from 1
    kind      "step.done", ...
    at_ns     the instant that it bears, nanoseconds since the epoch
    epoch     the lease under which it was written; 0 for requests and notes
    hash      64 hex digits
    payload   None when it was purged, or does not match its hash: then `problem` says so
    json      its text as the library gives it
    """

    sequence: int
    kind: str
    at_ns: int
    epoch: int
    hash: str
    payload: Optional[Raw] = field(repr=False)  # it may hold secrets
    problem: Optional[str] = None
    json: str = field(repr=False, compare=False, default="")
    raw: Raw = _raw()

    @property
    def at(self) -> datetime:
        """The instant to the microsecond."""
        at = to_datetime(self.at_ns)
        assert at is not None
        return at

    @classmethod
    def read(cls, raw: Raw, text: str) -> "Record":
        """From one map of nip_journal_read."""
        return cls(sequence=_integer(raw, "sequence"), kind=_text(raw, "kind"), at_ns=time_at(raw, "at") or 0,
                   epoch=_integer(raw, "epoch"), hash=_text(raw, "hash"), payload=raw.get("payload"),
                   problem=_optional_text(raw, "problem"), json=text, raw=raw)


@dataclass(frozen=True)
class Head:
    """Where a journal ends; `hash` is "" and `sequence` 0 when it is empty. Keep `json` elsewhere to prove later that nothing was cut."""

    subject: str
    sequence: int
    hash: str
    json: str = field(repr=False, compare=False, default="")
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw, text: str) -> "Head":
        """From what nip_journal_head gives."""
        return cls(_text(raw, "subject"), _integer(raw, "sequence"), _text(raw, "hash"), text, raw)


@dataclass(frozen=True)
class Verification:
    """
    Result of checking a journal. `verdict` is "intact" or "broken", and then `broken_at` is the first bad sequence; `head` is "matches",
    "not_given", "missing" or "differs".
    """

    subject: str
    verdict: str
    records: int
    purged: int
    broken_at: Optional[int]
    reason: Optional[str]
    head: str
    raw: Raw = _raw()

    @property
    def intact(self) -> bool:
        """True when the chain is whole and a given head was found in it."""
        return self.verdict == "intact" and self.head in ("matches", "not_given")

    @classmethod
    def read(cls, raw: Raw) -> "Verification":
        """From what nip_journal_verify gives."""
        broken = _integer(raw, "broken_at") if raw.get("broken_at") is not None else None
        return cls(_text(raw, "subject"), _text(raw, "verdict"), _integer(raw, "records"), _integer(raw, "purged"), broken,
                   _optional_text(raw, "reason"), _text(raw, "head"), raw)


@dataclass(frozen=True)
class Subject:
    """A journal of a store: whose, its last sequence, and when it was written last."""

    subject: str
    sequence: int
    updated_ns: Optional[int]
    raw: Raw = _raw()

    @property
    def updated(self) -> Optional[datetime]:
        """The instant to the microsecond."""
        return to_datetime(self.updated_ns)

    @classmethod
    def read(cls, raw: Raw) -> "Subject":
        """From one map of nip_store_subjects."""
        return cls(_text(raw, "subject"), _integer(raw, "sequence"), time_at(raw, "updated"), raw)


@dataclass(frozen=True)
class Lease:
    """Who drives a subject; `alive` is None when that cannot be known from here (another host)."""

    holder: Raw
    epoch: int
    alive: Optional[bool]
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Optional[Raw]) -> Optional["Lease"]:
        """From what nip_lease_read gives; None when nobody ever drove the subject."""
        if raw is None:
            return None
        return cls(raw.get("holder") or {}, _integer(raw, "epoch"), raw.get("alive"), raw)


@dataclass(frozen=True)
class Queued:
    """A rollout that waits for its turn; `alive` is None when that cannot be known from here (another host)."""

    sequence: int
    at_ns: Optional[int]
    version: str
    policy: str
    who: str
    alive: Optional[bool]
    raw: Raw = _raw()

    @property
    def at(self) -> Optional[datetime]:
        """Since when it waits, to the microsecond."""
        return to_datetime(self.at_ns)

    @classmethod
    def read(cls, raw: Raw) -> "Queued":
        """From one map of nip_queue_read."""
        return cls(_integer(raw, "sequence"), time_at(raw, "at"), _text(raw, "version"), _text(raw, "policy"), _text(raw, "who"),
                   raw.get("alive"), raw)


@dataclass(frozen=True)
class Requested:
    """A request that was appended. Not `driven`: nothing will happen until somebody resumes the run."""

    run: str
    sequence: int
    driven: bool
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> "Requested":
        """From what nip_run_request gives."""
        return cls(_text(raw, "run"), _integer(raw, "sequence"), bool(raw.get("driven")), raw)


@dataclass(frozen=True)
class Answered:
    """
    An answer to a gate that was appended. `missing`: approvals by others that are still wanted. Not `driven`: nothing will happen until
    somebody resumes the run.
    """

    run: str
    step: str
    sequence: int
    driven: bool
    missing: int
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> "Answered":
        """From what nip_gate_answer gives."""
        return cls(_text(raw, "run"), _text(raw, "step"), _integer(raw, "sequence"), bool(raw.get("driven")), _integer(raw, "missing"), raw)


@dataclass(frozen=True)
class Gate:
    """
    Where a run waits for people or for a time window: `kind` is "approval" or "window". `role` and `members` say who may answer, `missing`
    how many approvals are still wanted, `answers` what was said so far: maps of decision, who, why, at, sequence.
    """

    run: str
    kind: str
    step: str
    ask: str
    role: str
    members: List[str]
    missing: int
    answers: List[Raw]
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> Optional["Gate"]:
        """From what nip_gate_read gives; None when the run waits at no gate."""
        if raw.get("gate") is None:
            return None
        asked = raw if raw["gate"] == "approval" else raw.get("override") or {}
        return cls(_text(raw, "run"), _text(raw, "gate"), _text(raw, "step"), _text(raw, "ask"), _text(asked, "role"),
                   _list(asked, "members"), _integer(raw, "missing"), _list(raw, "answers"), raw)


@dataclass(frozen=True)
class Delivery:
    """
    Somebody who is to be told that a run has ended. `outcome` is "pending", "done" or "failed"; what was `given_up` is tried again only when
    the subject's latest run is resumed and nobody else is left.
    """

    run: str
    subject: str
    end: int
    state: str
    number: int
    to: str
    outcome: str
    attempts: int
    given_up: bool
    reason: Optional[str]
    message: Optional[str]
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> "Delivery":
        """From one map of nip_outbox_read."""
        return cls(_text(raw, "run"), _text(raw, "subject"), _integer(raw, "end"), _text(raw, "state"), _integer(raw, "number"), _text(raw, "to"),
                   _text(raw, "outcome"), _integer(raw, "attempts"), bool(raw.get("given_up")), _optional_text(raw, "reason"),
                   _optional_text(raw, "message"), raw)


#: States in which a run is over: it was done, taken back, stopped before it changed anything, or could not be taken back whole.
OUTCOMES = ("succeeded", "returned", "stopped", "broken")


def outcome_of(state: str) -> Optional[str]:
    """How a run in this state ended; None while it is not over."""
    return state if state in OUTCOMES else None


class _Course:
    """What a run's state and instants say of its course."""

    state: str
    started_ns: Optional[int]
    ended_ns: Optional[int]

    @property
    def outcome(self) -> Optional[str]:
        """How it ended: "succeeded", "returned", "stopped" or "broken"; None while it is not over."""
        return outcome_of(self.state)

    @property
    def over(self) -> bool:
        """True when it has ended, in whichever way."""
        return self.outcome is not None

    @property
    def started(self) -> Optional[datetime]:
        """The instant to the microsecond; None when it was not driven yet."""
        return to_datetime(self.started_ns)

    @property
    def ended(self) -> Optional[datetime]:
        """The instant to the microsecond; None while it is not over."""
        return to_datetime(self.ended_ns)


@dataclass(frozen=True)
class RunSummary(_Course):
    """One run of a store's list."""

    run: str
    subject: str
    state: str
    title: str
    started_ns: Optional[int]
    ended_ns: Optional[int]
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> "RunSummary":
        """From one map of nip_run_list."""
        return cls(_text(raw, "run"), _text(raw, "subject"), _text(raw, "state"), _text(raw, "title"), time_at(raw, "started"),
                   time_at(raw, "ended"), raw)


@dataclass(frozen=True)
class StepStatus:
    """The step that a run is in: its place in `list` ("forward" or "back"), `number` of `of`."""

    id: str
    title: str
    list: str
    number: int
    of: int
    attempt: int
    raw: Raw = _raw()


@dataclass(frozen=True)
class Waiting:
    """What a run waits for: "approval", "time" or "data"; until when, if that is known."""

    what: str
    message: Optional[str]
    until_ns: Optional[int]
    raw: Raw = _raw()

    @property
    def until(self) -> Optional[datetime]:
        """The instant, rounded up to the microsecond."""
        return to_datetime_up(self.until_ns)


@dataclass(frozen=True)
class RunStatus(_Course):
    """How a run stands; `reason` and `message` say why it ended, turned back or is paused. `guards` and the release record are maps."""

    run: str
    subject: str
    title: str
    state: str
    reason: Optional[str]
    message: Optional[str]
    started_ns: Optional[int]
    ended_ns: Optional[int]
    sequence: int
    step: Optional[StepStatus]
    waiting: Optional[Waiting]
    guards: List[Raw]
    release: Optional[Raw]
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> "RunStatus":
        """From what nip_run_status gives."""
        return cls(_text(raw, "run"), _text(raw, "subject"), _text(raw, "title"), _text(raw, "state"), _optional_text(raw, "reason"),
                   _optional_text(raw, "message"), time_at(raw, "started"), time_at(raw, "ended"), _integer(raw, "sequence"),
                   _read_step(raw.get("step")), _read_waiting(raw.get("waiting")), _list(raw, "guards"), raw.get("release"), raw)


def _read_step(raw: Optional[Raw]) -> Optional[StepStatus]:
    if raw is None:
        return None
    return StepStatus(_text(raw, "id"), _text(raw, "title"), _text(raw, "list"), _integer(raw, "number"), _integer(raw, "of"),
                      _integer(raw, "attempt"), raw)


def _read_waiting(raw: Optional[Raw]) -> Optional[Waiting]:
    if raw is None:
        return None
    message = _optional_text(raw, "message") or _optional_text(raw, "why")
    return Waiting(_text(raw, "for"), message, time_at(raw, "until"), raw)


@dataclass(frozen=True)
class TargetHealth:
    """One target of a health check; `healthy` is None when it could not be tried even once. `latency_ms` is of the last good try."""

    target: str
    healthy: Optional[bool]
    tries: int
    successes: int
    latency_ms: Optional[float]
    first_failure: Optional[Raw]
    last_failure: Optional[Raw]
    raw: Raw = _raw()

    @classmethod
    def read(cls, raw: Raw) -> "TargetHealth":
        """From one map of a health check's result."""
        return cls(_text(raw, "target"), raw.get("healthy"), _integer(raw, "tries"), _integer(raw, "successes"), raw.get("latency_ms"),
                   raw.get("first_failure"), raw.get("last_failure"), raw)


@dataclass(frozen=True)
class HealthReport:
    """Result of a health check; `unknown` counts targets that could not be tried even once."""

    healthy: int
    unhealthy: int
    unknown: int
    targets: List[TargetHealth]
    raw: Raw = _raw()

    @property
    def all_healthy(self) -> bool:
        """True when no target is unhealthy or unknown."""
        return self.unhealthy == 0 and self.unknown == 0

    @classmethod
    def read(cls, raw: Raw) -> "HealthReport":
        """From a health check's result."""
        return cls(_integer(raw, "healthy"), _integer(raw, "unhealthy"), _integer(raw, "unknown"),
                   [TargetHealth.read(target) for target in _list(raw, "targets")], raw)
