"""Service levels: what was promised of a service, what was measured, and what became of it."""
import json
from ctypes import byref, c_int64
from dataclasses import dataclass
from typing import Any, Iterable, Optional, Union

from . import _abi
from ._arrays import doubles, integers
from ._calls import call, call_text, encode, integer
from ._handle import Using, expect, made
from ._json import JsonMap, json_bytes
from ._library import C
from .document import Document
from .operation import Operation
from .records import Raw
from .store import Store
from .times import Instant, instant_ns


@dataclass(frozen=True)
class Added:
    """What adding came to."""

    sequence: int  #: of the journal's last record
    records: int   #: appended
    slices: int    #: that said something new
    known: int     #: that were there already


def describe_sla(document: Document) -> Raw:
    """What a document of kind "sla" comes to: indicators with the hashes of their definitions, objectives, zone. DocumentError."""
    expect(document, Document, "document")
    with Using(document) as (doc,):
        described: Raw = json.loads(call_text(C.nip_sla_describe, doc))
    return described


def sla_rules(document: Document) -> str:
    """YAML for Prometheus' rule_files: recording rules, and alerts on burn rates. InvalidError."""
    expect(document, Document, "document")
    with Using(document) as (doc,):
        return call_text(C.nip_sla_rules, doc)


def sla_report_text(report: Raw, format: str = "markdown") -> str:
    """A report for people: "markdown", or "html", one page with pictures. InvalidError: another format, or no report."""
    return call_text(C.nip_sla_report_text, json_bytes(report, "report"), encode(format, "format"))


class ServiceLevels:
    """
    A document of service levels, and the store that their journal is in.

    Adding the same twice adds nothing, in whatever order it comes; what contradicts is refused with StateError, unless it has a higher
    revision and so corrects. Of arrays, those of 64-bit numbers that lie one after the other (array.array, numpy) are read where they are,
    without a copy; anything else is copied first.

    begin, end  what is added is about, whole slices: then a slice of events without any had none. None for both: only slices with
                events are known, and of time those between the first sample and the last
    at          instant of the records; None: now
    """

    __slots__ = ("store", "document")

    def __init__(self, store: Store, document: Document) -> None:
        expect(store, Store, "store")
        expect(document, Document, "document")
        self.store = store
        self.document = document

    # ---- what was measured ----

    def add_rows(self, indicator: str, text: Union[str, bytes], *, stream: str = "", name: Optional[str] = None, begin: Optional[Instant] = None,
                 end: Optional[Instant] = None, revision: int = 0, at: Optional[Instant] = None) -> Added:
        """
        Adds what a file has: comma-separated values with a first line of names, or a JSON object a line. Keys: at, stream, two of good,
        bad, total (of events), or up (of time).
        """
        data = text.encode("utf-8") if isinstance(text, str) else bytes(text)
        with Using(self.store, self.document) as (store, doc):
            return _added(call_text(C.nip_sla_import, store, doc, encode(indicator, "indicator"), encode(stream, "stream"), data, len(data),
                                    None if name is None else encode(name, "name"), _bound(begin), _bound(end),
                                    integer(revision, "revision"), self._now_ns(at)))

    def add_events(self, indicator: str, times: Iterable[int], good: Iterable[int], bad: Iterable[int], *, stream: str = "",
                   begin: Optional[Instant] = None, end: Optional[Instant] = None, revision: int = 0, at: Optional[Instant] = None) -> Added:
        """Adds events: good[i] and bad[i] happened at times[i] (nanoseconds since the epoch), or in the slice that begins there."""
        with integers(times) as (instants, count), integers(good) as (goods, good_count), integers(bad) as (bads, bad_count):
            _same(count, good=good_count, bad=bad_count)
            with Using(self.store, self.document) as (store, doc):
                return _added(call_text(C.nip_sla_add_events, store, doc, encode(indicator, "indicator"), encode(stream, "stream"), instants,
                                        goods, bads, count, _bound(begin), _bound(end), integer(revision, "revision"), self._now_ns(at)))

    def add_samples(self, indicator: str, times: Iterable[int], values: Iterable[float], *, stream: str = "", begin: Optional[Instant] = None,
                    end: Optional[Instant] = None, revision: int = 0, at: Optional[Instant] = None) -> Added:
        """Adds samples to an indicator of time: from times[i] on values[i] was seen; NaN: somebody looked, and could not tell."""
        with integers(times) as (instants, count), doubles(values) as (seen, value_count):
            _same(count, values=value_count)
            with Using(self.store, self.document) as (store, doc):
                return _added(call_text(C.nip_sla_add_samples, store, doc, encode(indicator, "indicator"), encode(stream, "stream"), instants,
                                        seen, count, _bound(begin), _bound(end), integer(revision, "revision"), self._now_ns(at)))

    def pages(self, as_of: Optional[int] = None) -> str:
        """All that was measured, as JSON text: canonical, so that two journals that know the same give the same text. NotFoundError."""
        with Using(self.store, self.document) as (store, doc):
            return call_text(C.nip_sla_pages, store, doc, _as_of(as_of))

    def add_pages(self, pages: str, *, at: Optional[Instant] = None) -> Added:
        """Adds the pages of another journal: how shards, regions and hosts add up."""
        data = encode(pages, "pages")
        with Using(self.store, self.document) as (store, doc):
            return _added(call_text(C.nip_sla_add_pages, store, doc, data, len(data), self._now_ns(at)))

    def collect(self, begin: Optional[Instant] = None, end: Optional[Instant] = None, *, revision: int = 0) -> "Operation[Raw]":
        """
        Collects what the indicators measured from the document's Prometheus, and adds it to the journal when all was asked. Its result
        says what is known, missing and why.

        begin  None: each indicator from where the journal ends for it
        end    None: now
        revision  above 0: corrects slices that were recorded otherwise
        """
        with Using(self.store.context, self.store, self.document) as (ctx, store, doc):
            return Operation(made(C.nip_op_free, (self.store._hold(),), C.nip_op_sla_collect, ctx, store, doc, _bound(begin), _bound(end),
                                  integer(revision, "revision")), dict)

    # ---- what does not count ----

    def exclude(self, exclusion: JsonMap, *, at: Optional[Instant] = None) -> int:
        """
        Records that some time does not count, or does after all; gives the record's sequence. Exclusions are only ever added: a report
        as of an earlier record does not know of it.

        exclusion  {"v": 1, "id": "disks", "class": "maintenance", "begin": ..., "end": ..., "who": "ann", "why": "new disks"}, or
                   {"v": 1, "id": "undo-disks", "revokes": "disks", "who": ..., "why": ...}
        """
        sequence = c_int64()
        with Using(self.store, self.document) as (store, doc):
            call(C.nip_sla_exclude, store, doc, json_bytes(exclusion, "exclusion"), self._now_ns(at), byref(sequence))
        return sequence.value

    # ---- what it comes to ----

    def report(self, period: Optional[str] = None, *, now: Optional[Instant] = None, as_of: Optional[int] = None) -> Raw:
        """
        The report of a period: docs/formats.md, "Report of an SLA".

        period  "2026-03", "2026-W13", "2026-Q1", "2026", "2026-03-29", "this-month", "last-week", "30d"; None: the one that holds `now`
        now     at which it is judged; None: now, or the instant of the record `as_of` when that is given
        as_of   only what was recorded up to this record; None: all
        """
        report: Raw = json.loads(self._ask(C.nip_sla_report, period, now, as_of))
        return report

    def certificates(self, period: Optional[str] = None, *, now: Optional[Instant] = None, as_of: Optional[int] = None) -> Any:
        """What became of each millisecond of a period, one certificate an objective."""
        return json.loads(self._ask(C.nip_sla_certificates, period, now, as_of))

    def simulate(self, period: Optional[str] = None, *, exclusions: Iterable[JsonMap] = (), now: Optional[Instant] = None,
                 as_of: Optional[int] = None) -> Raw:
        """
        What would have been on what was recorded: which alerts would have fired, and what becomes of figures when `exclusions` count that
        nobody recorded. Other targets and alerts are another document. Nothing is recorded.
        """
        tried = b"[" + b",".join(json_bytes(one, "exclusion") for one in exclusions) + b"]"
        simulated: Raw = json.loads(self._ask(C.nip_sla_simulate, period, now, as_of, tried))
        return simulated

    def _ask(self, function: Any, period: Optional[str], now: Optional[Instant], as_of: Optional[int], *more: Any) -> str:
        instant = _abi.NIP_TIME_NONE if now is None and as_of is not None else self._now_ns(now)
        with Using(self.store, self.document) as (store, doc):
            return call_text(function, store, doc, None if period is None else encode(period, "period"), instant, _as_of(as_of), *more)

    def _now_ns(self, instant: Optional[Instant]) -> int:
        return self.store.context.now_ns() if instant is None else instant_ns(instant)


def _as_of(sequence: Optional[int]) -> int:
    return 2**63 - 1 if sequence is None else integer(sequence, "as_of")


def _bound(instant: Optional[Instant]) -> int:
    return _abi.NIP_TIME_NONE if instant is None else instant_ns(instant)


def _same(count: int, **others: int) -> None:
    for name, other in others.items():
        if other != count:
            raise ValueError("there are %d times, but %d %s" % (count, other, name))


def _added(text: str) -> Added:
    read = json.loads(text)
    return Added(read["sequence"], read["records"], read["slices"], read["known"])
