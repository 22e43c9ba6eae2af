"""Runs: a plan under way, tied to its journal."""
import json
from ctypes import byref, c_int64, c_void_p
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Optional, Union

from . import _abi
from ._calls import borrowed_text, call, call_text, encode
from ._handle import Handle, Held, Using, expect
from ._library import C
from .actions import Action, OutcomeLike, action_fields, outcome_bytes
from .context import Context
from .records import RunStatus, outcome_of
from .times import Instant, instant_ns, to_datetime_up

if TYPE_CHECKING:
    from .driver import Drivers
    from .operation import Operation


@dataclass(frozen=True)
class Wait:
    """Nothing to do before `until_ns`, or before an outcome or a request arrives; None: only one of those helps."""

    until_ns: Optional[int]

    @property
    def until(self) -> Optional[datetime]:
        """The instant, rounded up to the microsecond, so that it is never too early."""
        return to_datetime_up(self.until_ns)


@dataclass(frozen=True)
class Done:
    """The run is over."""

    outcome: str


class Run(Handle):
    """
    A plan under way: made by `Store.start`, taken up by `Store.resume`. Drive it with drivers (`drive`), or yourself (`next` and
    `complete`). It holds its subject's lease until closed; a run that was closed before its end can be resumed.
    """

    __slots__ = ("context",)
    _noun = "run"
    _makers = "Store.start or Store.resume"

    def __init__(self, context: Context, held: Held) -> None:
        expect(context, Context, "context")
        super().__init__(held)
        self.context = context

    def __del__(self) -> None:
        self._warn_if_open()

    def _now_ns(self, instant: Optional[Instant]) -> int:
        return self.context.now_ns() if instant is None else instant_ns(instant)

    @property
    def id(self) -> str:
        """ "shop-1"."""
        with Using(self) as (run,):
            return borrowed_text(C.nip_run_id(run))

    @property
    def subject(self) -> str:
        """Whose journal it writes, "shop"."""
        with Using(self) as (run,):
            return borrowed_text(C.nip_run_subject(run))

    @property
    def state(self) -> str:
        """planned, running, waiting, paused, returning; then succeeded, returned, stopped or broken."""
        with Using(self) as (run,):
            return borrowed_text(C.nip_run_state(run))

    @property
    def outcome(self) -> Optional[str]:
        """How it ended: succeeded, returned (taken back), stopped or broken; None while it is not over."""
        return outcome_of(self.state)

    @property
    def sequence(self) -> int:
        """Sequence of the last record that the run has seen."""
        with Using(self) as (run,):
            sequence: int = C.nip_run_sequence(run)
            return sequence

    def status(self, now: Optional[Instant] = None) -> RunStatus:
        """The whole: step, what it waits for, guards, reason of an end."""
        with Using(self) as (run,):
            text = call_text(C.nip_run_status, run, self._now_ns(now))
        return RunStatus.read(json.loads(text))

    def next(self, now: Optional[Instant] = None) -> Union[Action, Wait, Done]:
        """
        What to do next. Call until it gives Wait or Done; several actions may be out at once. FencedError: the lease was lost, stop.
        BusyError: an operation drives the run.
        """
        action, until = c_void_p(), c_int64()
        with Using(self) as (run,):
            what = call(C.nip_run_next, run, self._now_ns(now), byref(action), byref(until))
            if what == _abi.NIP_RUN_DONE:
                return Done(borrowed_text(C.nip_run_state(run)))
            if what == _abi.NIP_RUN_WAIT:
                return Wait(None if until.value == _abi.NIP_TIME_MAX else until.value)
            assert action.value is not None
            return Action(**action_fields(action.value))

    def complete(self, action: Union[Action, str], outcome: OutcomeLike, now: Optional[Instant] = None) -> None:
        """
        Reports what came of an action; late and repeated reports are recorded and otherwise ignored. NotFoundError (no such action),
        InvalidError (not an outcome), BusyError (an operation drives the run).
        """
        id = action.id if isinstance(action, Action) else action
        with Using(self) as (run,):
            call(C.nip_run_complete, run, self._now_ns(now), encode(id, "action"), outcome_bytes(outcome))

    def poll(self) -> bool:
        """Reads requests that other processes appended meanwhile; True when there were any."""
        with Using(self) as (run,):
            return call(C.nip_run_poll, run) == 1

    def drive(self, drivers: "Drivers") -> "Operation[RunStatus]":
        """
        An operation that carries out the run; its result is the run's status. A run that was taken back is a result, not an exception.
        What the plan's drivers name and the set lacks is opened and added to it, so that a new set is enough.

        BusyError: another operation uses the run or one of the drivers. StateError: a role of the plan is bound to no driver, or actions
        of this run are out already. DocumentError, NotFoundError: a driver that the plan names cannot be opened.
        """
        from .operation import drive_run
        return drive_run(self.context, self, drivers)
