"""Stores of journals, and what may be asked of them."""
import json
from ctypes import byref, c_int64
from typing import Any, Iterator, List, Optional, Union

from ._calls import call, call_text, encode, integer, reason
from ._handle import Handle, Using, expect, made
from ._json import JsonMap, json_bytes, split_list
from ._library import C
from .context import Context
from .errors import NotFoundError
from .plan import Plan
from .records import Answered, Delivery, Gate, Head, Lease, Queued, Raw, Record, Requested, RunSummary, Subject, Verification
from .run import Run
from .times import Instant, instant_ns

PAGE = 500


class Store(Handle):
    """
    Journals in one place. May be shared by threads: each call waits for its turn, which never takes as long as an operation takes.

    url       "memory:" (gone when closed) or "sqlite:PATH"; the file is created with mode 0600
    readonly  changes nothing and keeps no writer out; NotFoundError when there is no store

    StoreError, ReadOnlyError, FullError, CorruptError (not a database), FormatVersionError (written by a newer library).
    """

    __slots__ = ("context",)
    _noun = "store"

    def __init__(self, context: Context, url: str, *, readonly: bool = False) -> None:
        expect(context, Context, "context")
        with Using(context) as (ctx,):
            held = made(C.nip_store_free, (), C.nip_store_open_readonly if readonly else C.nip_store_open, ctx, encode(url, "url"))
        self.context = context.another()
        super().__init__(held)

    def __del__(self) -> None:
        self._warn_if_open()

    def _now_ns(self, instant: Optional[Instant]) -> int:
        return self.context.now_ns() if instant is None else instant_ns(instant)

    # ---- journals ----

    def append(self, subject: str, kind: str, payload: JsonMap, *, at: Optional[Instant] = None, expected: Optional[int] = None) -> int:
        """
        Appends a note, durably; gives its sequence, from 1.

        kind      dotted lower-case name of your own, "note.written"
        payload   at most RECORD_MAX bytes as JSON
        at        instant that it bears; None: now
        expected  sequence that the journal must end with, 0 for an empty one, or ConflictError; None: whatever it is

        InvalidError, LimitError; BusyError when another process went on writing for 2 s (retryable).
        """
        out = c_int64()
        with Using(self) as (store,):
            call(C.nip_journal_append, store, encode(subject, "subject"), -1 if expected is None else integer(expected, "expected"),
                 encode(kind, "kind"), self._now_ns(at), json_bytes(payload, "payload"), byref(out))
        return out.value

    def records(self, subject: str, after: int = 0) -> Iterator[Record]:
        """All records of a journal after sequence `after`, read page by page; those appended meanwhile too."""
        while True:
            page = self._page(subject, after)
            if not page:
                return
            yield from page
            after = page[-1].sequence

    def _page(self, subject: str, after: int) -> List[Record]:
        with Using(self) as (store,):
            text = call_text(C.nip_journal_read, store, encode(subject, "subject"), integer(after, "after"), PAGE)
        return [Record.read(raw, own) for raw, own in split_list(text)]

    def head(self, subject: str) -> Head:
        """Where the journal ends."""
        text = self._ask(C.nip_journal_head, subject)
        return Head.read(json.loads(text), text)

    def verify(self, subject: str, head: Union[Head, str, None] = None) -> Verification:
        """Checks the journal's chain; with a head kept elsewhere, a cut tail or a rewritten journal shows."""
        kept = head.json if isinstance(head, Head) else head
        with Using(self) as (store,):
            text = call_text(C.nip_journal_verify, store, encode(subject, "subject"), None if kept is None else encode(kept, "head"))
        return Verification.read(json.loads(text))

    def purge(self, subject: str, through: int) -> None:
        """Removes for good what records up to `through` say; their hashes stay. StateError when a run needs one of them."""
        with Using(self) as (store,):
            call(C.nip_journal_purge, store, encode(subject, "subject"), integer(through, "through"))

    def subjects(self) -> List[Subject]:
        """All journals, by name."""
        with Using(self) as (store,):
            text = call_text(C.nip_store_subjects, store)
        return [Subject.read(raw) for raw in json.loads(text)]

    def lease(self, subject: str) -> Optional[Lease]:
        """Who drives the subject; None when nobody ever did."""
        return Lease.read(json.loads(self._ask(C.nip_lease_read, subject)))

    def queue(self, subject: str) -> List[Queued]:
        """Who waits for the subject's turn (`rollout` with when_busy), oldest first; those whose process was killed are left out."""
        return [Queued.read(raw) for raw in json.loads(self._ask(C.nip_queue_read, subject))]

    def metrics_text(self, at: Optional[Instant] = None) -> str:
        """Runs, verdicts and releases in Prometheus' text format (version 0.0.4), for whatever serves or collects it."""
        with Using(self) as (store,):
            return call_text(C.nip_metrics_text, store, self._now_ns(at))

    def spans(self, run: str) -> Raw:
        """A run ("shop-1", or a subject's latest) as OpenTelemetry spans, in the JSON that collectors take at /v1/traces. NotFoundError."""
        spans: Raw = json.loads(self._ask(C.nip_run_spans, run))
        return spans

    def page(self, run: str) -> str:
        """A run ("shop-1", or a subject's latest) as one self-contained page of HTML, with pictures of its course. NotFoundError."""
        return self._ask(C.nip_run_page, run)

    def release(self, subject: str) -> Optional[Raw]:
        """The release record that the subject stands at; None when nothing was released yet."""
        release: Optional[Raw] = json.loads(self._ask(C.nip_release_read, subject))
        return release

    def _ask(self, function: Any, subject: str) -> str:
        with Using(self) as (store,):
            return call_text(function, store, encode(subject, "subject"))

    # ---- runs ----

    def runs(self, subject: Optional[str] = None) -> List[RunSummary]:
        """Runs, newest first; of one subject or of all."""
        with Using(self) as (store,):
            text = call_text(C.nip_run_list, store, None if subject is None else encode(subject, "subject"))
        return [RunSummary.read(raw) for raw in json.loads(text)]

    def report(self, run: str) -> Raw:
        """
        What a run ("shop-4", or a subject: its latest run) found out about two versions: the verdict of a shadow, with all that it rests
        on. NotFoundError: no such run, or it compares nothing.
        """
        report: Raw = json.loads(self._report(run, "json"))
        return report

    def report_text(self, run: str) -> str:
        """The same as plain text for people."""
        return self._report(run, "text")

    def report_html(self, run: str) -> str:
        """The same as one page of HTML that needs nothing from elsewhere."""
        return self._report(run, "html")

    def _report(self, run: str, format: str) -> str:
        with Using(self) as (store,):
            return call_text(C.nip_run_report, store, encode(run, "run"), encode(format, "format"))

    def unfinished(self, subject: str) -> Optional[RunSummary]:
        """The subject's run that is not over, to be resumed before another one can begin; None when there is none."""
        latest = next(iter(self.runs(subject)), None)
        return None if latest is None or latest.over else latest

    def start(self, plan: Plan, now: Optional[Instant] = None) -> Run:
        """
        Begins a run: takes the subject's lease and journals the plan. HeldError (another process drives this subject), StateError (an
        earlier run of it is not over: resume or abort it).
        """
        expect(plan, Plan, "plan")
        at = self._now_ns(now)
        with Using(plan, self) as (plan_pointer, store):
            return self._run(C.nip_run_new, plan_pointer, store, at)

    def resume(self, id: str, now: Optional[Instant] = None) -> Run:
        """
        Takes up a run that was left: "shop-1", or a subject for its latest run. NotFoundError, HeldError, FormatVersionError,
        CorruptError.
        """
        at = self._now_ns(now)
        with Using(self) as (store,):
            return self._run(C.nip_run_resume, store, encode(id, "id"), at)

    def open_run(self, id: str) -> Run:
        """Looks at a run without taking its lease: for `Run.status` only. NotFoundError."""
        with Using(self) as (store,):
            return self._run(C.nip_run_open, store, encode(id, "id"))

    def _run(self, function: Any, *arguments: Any) -> Run:
        return Run(self.context, made(C.nip_run_free, (self._hold(),), function, *arguments))

    def planned(self, id: str) -> Plan:
        """The plan of a run, "shop-1", or of a subject's latest run, from its journal. NotFoundError, also when it was purged."""
        with self.open_run(id) as run:
            subject, wanted = run.subject, run.id
        for record in self.records(subject):
            if record.kind == "run.planned" and record.payload is not None and record.payload.get("run") == wanted:
                return Plan.from_json(record.payload["plan"])
        raise NotFoundError("run %s: the journal of %s no longer holds its plan" % (wanted, subject))

    # ---- requests ----

    def request(self, run: str, kind: str, who: str, why: Optional[str] = None, at: Optional[Instant] = None) -> Requested:
        """
        Appends a request for a run ("shop-1", or a subject for its latest), from any process.

        kind  "approve" (a waiting approval), "pause", "promote" (ends the present wait or pause), "abort" (takes the change back)
        who   person or program, not empty

        NotFoundError, StateError when the run is over or nothing could come of it, InvalidError for an unknown kind.
        """
        with Using(self) as (store,):
            text = call_text(C.nip_run_request, store, encode(run, "run"), encode(kind, "kind"), encode(who, "who"),
                             reason(why), self._now_ns(at))
        return Requested.read(json.loads(text))

    def gate(self, run: str) -> Optional[Gate]:
        """The gate that a run waits at: people of a role who must approve, or a time window; None when it waits at none. NotFoundError."""
        with Using(self) as (store,):
            return Gate.read(json.loads(call_text(C.nip_gate_read, store, encode(run, "run"))))

    def answer(self, run: str, decision: str, who: str, why: Optional[str] = None, at: Optional[Instant] = None) -> Answered:
        """
        Answers the gate that a run waits at, from any process.

        decision  "approve" or "reject" (an approval by a role), "override" (a window: goes on although it is closed; needs `why`)
        who       one of those whom the gate asks; claimed, not proven

        NotFoundError; StateError when the run does not wait at such a gate, or `who` has answered already; InvalidError when the gate
        does not ask `who`.
        """
        with Using(self) as (store,):
            text = call_text(C.nip_gate_answer, store, encode(run, "run"), encode(decision, "decision"), encode(who, "who"),
                             reason(why), self._now_ns(at))
        return Answered.read(json.loads(text))

    def outbox(self, subject: Optional[str] = None) -> List[Delivery]:
        """Who was to be told that runs ended (on_end), and whether they were: of a subject's latest run, and of those before it where some were left."""
        with Using(self) as (store,):
            text = call_text(C.nip_outbox_read, store, None if subject is None else encode(subject, "subject"))
        return [Delivery.read(raw) for raw in json.loads(text)]

    def approve(self, run: str, who: str, why: Optional[str] = None) -> Requested:
        """Answers a question that a run asks anybody; one that asks people of a role is answered by `answer`."""
        return self.request(run, "approve", who, why)

    def pause(self, run: str, who: str, why: Optional[str] = None) -> Requested:
        """Asks the run to stand still after what is under way."""
        return self.request(run, "pause", who, why)

    def promote(self, run: str, who: str, why: Optional[str] = None) -> Requested:
        """Ends the present wait or pause."""
        return self.request(run, "promote", who, why)

    def abort(self, run: str, who: str, why: Optional[str] = None) -> Requested:
        """Takes the change back."""
        return self.request(run, "abort", who, why)
