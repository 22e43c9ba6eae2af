"""
What the Python package adds to bare ctypes: the same work by both in turn, in CPU time.

Bare is what a careful hand would write without a package: types declared, text freed, the code looked at; no locks, no
objects, no copies that nobody asked for.
"""
import json
import statistics
import time
from ctypes import byref, c_int64, c_void_p, string_at

import nipops
from nipops._library import C

PASSES = 5
TEXT = "0" * 1022 + "1s"  # a length of time in 1 KiB, and the cheapest call that takes as much
STEPS, NOTES, MIB = 1000, 1000, 1 << 20
NOW = 1_700_000_000_000_000_000
NOTE = json.dumps({"text": "the queue is long again, " * 4})
ENDPOINTS = ["127.0.0.1:9100", "127.0.0.1:9101"]
RESULT = {"versions": {"1.4.0": {"endpoints": ENDPOINTS}}, "started": ENDPOINTS[1:], "stopped": []}
OUTCOME = json.dumps({"outcome": "done", "result": RESULT})


def compare(name, unit, count, **ways):
    """
    Times each way, all in turn, several times; a way does `count` things in one call. Prints the median for one thing,
    and what the first way takes beyond the second.
    """
    scale = {"us": 1e6, "ms": 1e3}[unit]
    taken = {way: [] for way in ways}
    for _ in range(PASSES):
        for way, work in ways.items():
            start = time.process_time()
            work()
            taken[way].append((time.process_time() - start) / count * scale)
    for way, times in taken.items():
        print("python_%s_%s_%s" % (name, way, unit), statistics.median(times))
    own, bare = list(taken.values())[:2]
    print("python_%s_over_%s" % (name, unit), statistics.median(a - b for a, b in zip(own, bare)))


def repeat(count, once):
    def work():
        for _ in range(count):
            once()
    return work


# ---- bare ctypes ----

def checked(code, error):
    if code < 0:
        message = C.nip_error_message(error)
        C.nip_error_free(error)
        raise RuntimeError(message)
    return code


def taken(out):
    text = string_at(out)
    C.nip_free(out)
    return text


def bare_duration():
    out, error = c_int64(), c_void_p()
    checked(C.nip_duration_parse(TEXT.encode(), byref(out), byref(error)), error)
    return out.value


def bare_set(doc):
    error = c_void_p()
    checked(C.nip_doc_set(doc, b"/note", TEXT.encode(), byref(error)), error)


def bare_failure():
    out, error = c_int64(), c_void_p()
    if C.nip_duration_parse(b"90", byref(out), byref(error)) < 0:
        found = C.nip_error_code(error), C.nip_error_message(error)
        C.nip_error_free(error)
        return found
    raise AssertionError


def bare_new_store(ctx):
    store, error = c_void_p(), c_void_p()
    checked(C.nip_store_open(ctx, b"memory:", byref(store), byref(error)), error)
    return store


def bare_append(store):
    out, error = c_int64(), c_void_p()
    note = NOTE.encode()
    checked(C.nip_journal_append(store, b"shop", -1, b"note.written", NOW, note, byref(out), byref(error)), error)
    return out.value


def bare_notes(ctx):
    store = bare_new_store(ctx)
    for _ in range(NOTES):
        bare_append(store)
    C.nip_store_free(store)


def bare_records(store):
    out, error = c_void_p(), c_void_p()
    checked(C.nip_journal_read(store, b"shop", 0, NOTES, byref(out), byref(error)), error)
    return taken(out)


def bare_run(ctx, plan):
    store, run, error = bare_new_store(ctx), c_void_p(), c_void_p()
    action, until = c_void_p(), c_int64()
    checked(C.nip_run_new(plan, store, NOW, byref(run), byref(error)), error)
    while checked(C.nip_run_next(run, NOW, byref(action), byref(until), byref(error)), error) == 1:
        checked(C.nip_run_complete(run, NOW, C.nip_action_id(action), OUTCOME.encode(), byref(error)), error)
    C.nip_run_free(run)
    C.nip_store_free(store)


def bare_document(text):
    doc, out, error = c_void_p(), c_void_p(), c_void_p()
    checked(C.nip_doc_load_text(text, len(text), None, byref(doc), byref(error)), error)
    checked(C.nip_doc_to_json(doc, byref(out), byref(error)), error)
    json_text = taken(out)
    C.nip_doc_free(doc)
    return json_text


# ---- the package ----

def own_failure():
    try:
        nipops.parse_duration_ns("90")
    except nipops.InvalidError as error:
        return error.code, error.message
    raise AssertionError


def own_notes(context):
    with nipops.Store(context, "memory:") as store:
        for _ in range(NOTES):
            store.append("shop", "note.written", NOTE, at=NOW)


def own_run(context, plan):
    with nipops.Store(context, "memory:") as store, store.start(plan, NOW) as run:
        while isinstance(action := run.next(NOW), nipops.Action):
            run.complete(action, nipops.done(RESULT), NOW)


def own_document(text):
    with nipops.Document.parse(text) as document:
        return document.to_json()


# ---- what both work on ----

def make_plan():
    action = {"role": "target", "verb": "instances",
              "args": {"versions": {"1.4.0": {"replicas": 2, "artifact": "shop:1.4.0", "settings": {}}}}}
    until = {"that": [{"at": "/versions/1.4.0/endpoints/0", "op": "!=", "value": ""}]}
    step = {"title": "start an instance of 1.4.0", "actions": [action], "until": until}
    steps = [{"id": "step-%d" % number, **step} for number in range(STEPS)]
    plan = {"v": 1, "kind": "plan", "subject": "shop", "title": "bench", "seed": 7, "steps": steps, "back": []}
    return nipops.Plan.from_json(plan)


def large_document():
    """1 MiB of JSON in 40,000 values."""
    entry = '{"name": "service-%05d", "url": "https://service-%05d.example.com:8443/api", "retry": true}, '
    entries = "".join(entry % (number, number) for number in range(MIB // len(entry % (0, 0)) - 1))
    filler = "x" * (MIB - len(entries) - len('{"note": [""]}'))
    return ('{"note": [%s"%s"]}' % (entries, filler)).encode()


class Work:
    """What the package works on; the bare calls take the same objects by their addresses."""

    def __init__(self):
        self.context = nipops.Context(seed=1)
        self.plan = make_plan()
        self.document = nipops.Document.parse("note: x")
        self.store = nipops.Store(self.context, "memory:")
        for _ in range(NOTES):
            self.store.append("shop", "note.written", NOTE, at=NOW)


def address(handle):
    return handle._held.pointer


def compare_small(work):
    document = address(work.document)
    compare("text", "us", 20000, own=repeat(20000, lambda: nipops.parse_duration_ns(TEXT)),
            bare=repeat(20000, bare_duration))
    compare("method", "us", 10000, own=repeat(10000, lambda: work.document.set_scalar("/note", TEXT)),
            bare=repeat(10000, lambda: bare_set(document)))
    compare("error", "us", 5000, own=repeat(5000, own_failure), bare=repeat(5000, bare_failure))


def compare_large(work):
    ctx, plan, store, text = address(work.context), address(work.plan), address(work.store), large_document()
    compare("action", "us", STEPS, own=lambda: own_run(work.context, work.plan), bare=lambda: bare_run(ctx, plan))
    compare("notes", "us", NOTES, own=lambda: own_notes(work.context), bare=lambda: bare_notes(ctx))
    compare("records", "ms", 1, own=lambda: list(work.store.records("shop")), bare=lambda: bare_records(store),
            loads=lambda: json.loads(bare_records(store)))
    compare("document", "ms", 1, own=lambda: own_document(text), bare=lambda: bare_document(text))


work = Work()
compare_small(work)
compare_large(work)
work.store.close()
