"""What all runners print, to the byte: one line a fact, numbers as %.17g, instants in nanoseconds, keys in the order given."""
import sys

EXACT = 2.0 ** 53


def line(*words):
    print(*words)


def string(text):
    """A JSON string that escapes as little as may be."""
    escaped = "".join("\\" + c if c in '"\\' else "\\u%04x" % ord(c) if ord(c) < 0x20 else c for c in text)
    return '"' + escaped + '"'


def number(value):
    value = float(value)
    return str(int(value)) if abs(value) < EXACT and value == int(value) else "%.17g" % value


def json_text(value):
    """JSON with keys in the order of the map."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, str):
        return string(value)
    if isinstance(value, dict):
        return "{" + ",".join(string(key) + ":" + json_text(item) for key, item in value.items()) + "}"
    return "[" + ",".join(json_text(item) for item in value) + "]"


def instant(nanoseconds, none):
    return none if nanoseconds is None else str(nanoseconds)


def block(text):
    """Text of several lines, each behind a bar."""
    line("text of %d bytes" % len(text.encode("utf-8")))
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    for each in lines:
        line("| " + each)


def fields(label, **values):
    line(label, *(key.rstrip("_") + "=" + value for key, value in values.items()))


def one_error(label, error):
    line(label, error.name, error.code, "retryable=%d" % error.retryable, "line=%d" % error.line, "column=%d" % error.column,
         "http=%d" % error.http_status, "errno=%d" % error.os_errno, "file", json_text(error.file))
    line("  path", json_text(error.path or None))
    line("  message", json_text(error.message))


def error(failure):
    """All its problems, when there are several, and what led to it."""
    one_error("error", failure)
    for problem in failure.problems if len(failure.problems) > 1 else ():
        one_error("problem", problem)
    cause = failure.__cause__
    while cause is not None:
        one_error("cause", cause)
        cause = cause.__cause__


def record(label, found):
    """Without what names the process or is random: hash, salt, holder."""
    payload = found.payload
    if isinstance(payload, dict):
        payload = {key: value for key, value in payload.items() if key != "holder"}
    words = [label, found.sequence, found.kind, "at=%d" % found.at_ns, "epoch=%d" % found.epoch, json_text(payload)]
    line(*words, *(["problem", string(found.problem)] if found.problem is not None else []))


def action(given):
    line("action", given.id, "run=" + given.run, "subject=" + given.subject, given.role + "/" + given.verb,
         "settles=%d" % given.settles, "repeated=%d" % given.repeated)
    line("  deadline", instant(given.deadline_ns, "never"))
    line("  args", json_text(given.args))
    line("  before", json_text(given.before))


def status(found):
    """How a run stands."""
    fields("status", run=string(found.run), subject=string(found.subject), title=string(found.title), state=string(found.state),
           reason=json_text(found.reason), message=json_text(found.message), started=instant(found.started_ns, "none"),
           ended=instant(found.ended_ns, "none"), sequence=str(found.sequence))
    step, waiting = found.step, found.waiting
    if step is not None:
        fields("  step", id=string(step.id), title=string(step.title), list=string(step.list), number=str(step.number),
               of=str(step.of), attempt=str(step.attempt))
    if waiting is not None:
        reason = "why" if "why" in waiting.raw else "message"
        fields("  waiting", for_=string(waiting.what), **{reason: json_text(waiting.message)}, until=instant(waiting.until_ns, "none"))


def requested(found):
    fields("requested", run=string(found.run), sequence=str(found.sequence), driven=json_text(found.driven))


def gate(found):
    """Where a run waits, for whom, and what they said."""
    kind, step, ask = (found.kind, found.step, found.ask) if found else ("", "", "")
    fields("gate", gate=json_text(kind or None), step=json_text(step or None), ask=json_text(ask or None))
    line("  missing", found.missing if found else 0)
    for member in found.members if found else []:
        line("  member", string(member))
    for answer in found.answers if found else []:
        fields("  answer", **{key: json_text(answer.get(key)) for key in ("decision", "who", "why", "sequence")})


def report(store, subject):
    """What a journal says in the end: every record, whether it is intact, its runs, and what is released."""
    for each in store.records(subject):
        record("record", each)
    head, found = store.head(subject), store.verify(subject)
    fields("head", subject=string(head.subject), sequence=str(head.sequence))
    fields("verified", subject=string(found.subject), verdict=string(found.verdict), records=str(found.records),
           purged=str(found.purged), broken_at=json_text(found.broken_at), reason=json_text(found.reason), head=string(found.head))
    for run in store.runs(subject):
        fields("listed", run=string(run.run), subject=string(run.subject), state=string(run.state), title=string(run.title),
               started=instant(run.started_ns, "none"), ended=instant(run.ended_ns, "none"))
    line("release", json_text(store.release(subject)))


def flush():
    sys.stdout.flush()
