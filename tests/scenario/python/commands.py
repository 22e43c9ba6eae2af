"""The commands of a scenario, in the order of its list `do`."""
import json

import nipops
import printing
from driving import Drive, drive_run, duration
from printing import json_text, line, string
from service_level import exclude, judge, measure, pages, promises, simulate


# ---- documents ----

def show(runner, said):
    with runner.document(said) as document:
        line("kind", string(document.kind))
        line("document", json_text(json.loads(document.to_json())))


def check(runner, said):
    """check: NAME, or {document: NAME, set: {POINTER: TEXT}}"""
    said = {"document": said} if isinstance(said, str) else said
    with runner.document(said["document"]) as document:
        for pointer, value in said.get("set", {}).items():
            document.set_scalar(pointer, value)
        document.check()
        line("fine")


# ---- states that plans are made from ----

def released(runner, said):
    runner.release = said


def observed(runner, said):
    runner.observed = said


def observe(runner, said):
    with runner.document(said) as document, nipops.observe(runner.context, document, runner.drivers) as operation:
        runner.observed = operation.run()
        line("observed", json_text(runner.observed))


def compare(runner, said):
    nipops.compare_observed(runner.observed, said)
    line("same")


# ---- plans ----

def make_plan(runner, said):
    """plan: {rollout: NAME} | {adopt: NAME} | {document: NAME} | {rollback: true} | {ensure: true} | {retire: true|false}"""
    release = runner.release if runner.release is not None else runner.store.release(runner.scenario.get("subject", "none"))
    if "document" in said:
        with runner.document(said["document"]) as document:
            return nipops.Plan.from_document(document)
    if "rollout" in said:
        with runner.document(said["rollout"]) as document:
            return nipops.plan_rollout(document, release, runner.observed)
    if "adopt" in said:
        with runner.document(said["adopt"]) as document:
            return nipops.plan_adopt(document, release, runner.observed)
    if "rollback" in said:
        return nipops.plan_rollback(release, runner.observed)
    if "ensure" in said:
        return nipops.plan_ensure(release, runner.observed)
    return nipops.plan_retire(release, runner.observed, runner.context.now_ns(), force=said["retire"])


def plan(runner, said):
    if runner.plan is not None:
        runner.plan.close()
    runner.plan = None
    runner.plan = make_plan(runner, said)
    line("subject", string(runner.plan.subject))
    line("steps", runner.plan.steps)
    line("drivers", json_text(runner.plan.drivers))


def explain(runner, said):
    printing.block(runner.plan.explain())


def plan_json(runner, said):
    """Written, read back, and written again."""
    with nipops.Plan.from_json(runner.plan.to_json()) as again:
        line("plan", json_text(again.to_dict()))


# ---- runs ----

def enter(runner, said):
    """Under the virtual clock the present is where that stands; a host that asks "next" by itself may say when it comes back."""
    now_ns = runner.context.now_ns()
    again = runner.crashes > 0 and "crashes" in said
    if not again and "resume" not in said:
        return runner.plan.start(runner.store, now_ns), now_ns
    if not again and said["resume"] is not True:
        now_ns = runner.start_ns + duration(said, "resume")
    return runner.store.resume(runner.scenario["subject"], now_ns), now_ns


def run(runner, said):
    if runner.plan is None and "resume" not in said and runner.crashes == 0:
        line("no plan")
        return
    entered, now_ns = enter(runner, said)
    with entered:
        line("run", string(entered.id))
        line("subject", string(entered.subject))
        line("state", string(entered.state))
        drive_run(Drive(runner, said, entered, runner.crashes if "crashes" in said else 0), now_ns)
        line("state", string(entered.state))
        line("sequence", entered.sequence)


# ---- journals ----

def request(runner, said):
    """{run: ID, request: KIND, who, why?}"""
    printing.requested(runner.store.request(said["run"], said["request"], said["who"], said.get("why")))


def gate(runner, said):
    printing.gate(runner.store.gate(said))


def answer(runner, said):
    """{run: ID, answer: DECISION, who, why?}"""
    line("answered", json_text(runner.store.answer(said["run"], said["answer"], said["who"], said.get("why")).raw))


def append(runner, said):
    """{subject, kind, payload, expected?}; a payload that is text is JSON text, as it is"""
    line("appended", runner.store.append(said["subject"], said["kind"], said["payload"], expected=said.get("expected")))


def purge(runner, said):
    """{subject, through}"""
    runner.store.purge(said["subject"], said["through"])
    line("purged")


def report(runner, said):
    printing.report(runner.store, said)


def findings(runner, said):
    """What a run found out, in all its forms: the page by its length, since its looks may change."""
    text, page, report = runner.store.report_text(said), runner.store.report_html(said), runner.store.report(said)
    printing.block(text)
    printing.block("page of %d bytes, verdict %s" % (len(page.encode("utf-8")), report["comparison"]["verdict"]))


# ---- plain functions ----

def canary_split(*arguments):
    split = nipops.canary_split(*arguments)
    line("canary", split.canary, "stable", split.stable)


def rolling_fenceposts(*arguments):
    posts = nipops.rolling_fenceposts(*arguments)
    line("surge", posts.surge, "unavailable", posts.unavailable)


def binomial_tail(*arguments):
    line("tail", "%.17g" % nipops.binomial_tail(*arguments))


def ratio_verdict(events, total, limit, min_samples, look, alpha):
    verdict = nipops.ratio_verdict(events, total, limit, min_samples=min_samples, look=look, alpha=alpha)
    line("verdict", nipops.verdict_name(verdict))


def parse_time(text):
    time = nipops.parse_time_ns(text)
    line("time", time, nipops.format_time(time))


def parse_duration(text):
    length = nipops.parse_duration_ns(text)
    line("duration", length, nipops.format_duration(length))


def histogram(parts, quantiles):
    """A histogram of each text of values, merged into one; what it says, and its bytes."""
    with nipops.Histogram() as whole:
        for text in parts:
            with nipops.Histogram(float(word) for word in text.split()) as one:
                whole.merge(one)
        told = whole.summary()
        line(*(word for name in ("count", "negatives", "zeros", "below", "above", "not_numbers") for word in (name, getattr(told, name))),
             *(word for name in ("least", "greatest", "sum") for word in (name, real(getattr(told, name)))))
        written = whole.to_bytes()
        nipops.Histogram.from_bytes(written).close()
        line("bytes", written.hex())
        for quantile in quantiles:
            found = whole.quantile(quantile)
            line("rank", found.rank, "value", real(found.value), "lower", real(found.lower), "upper", real(found.upper))


def real(value):
    return "none" if value is None else "%.17g" % value


def roll_out(runner, said):
    """roll_out: {document, who, set?: {POINTER: TEXT}}"""
    try:
        with runner.document(said["document"]) as document:
            for pointer, value in said.get("set", {}).items():
                document.set_scalar(pointer, value)
            with nipops.run_rollout(runner.context, document, runner.store, runner.drivers, who=said["who"]) as operation:
                printing.status(operation.run())
    except nipops.NipopsError as failure:
        printing.error(failure)
    line("queue", printing.json_text([entry.raw for entry in runner.store.queue(runner.scenario["subject"])]))


FUNCTIONS = {"canary_split": canary_split, "rolling_fenceposts": rolling_fenceposts, "binomial_tail": binomial_tail,
             "ratio_verdict": ratio_verdict, "time": parse_time, "duration": parse_duration, "histogram": histogram}


def call(runner, said):
    """call: [NAME, ARGUMENT, ...]"""
    FUNCTIONS[said[0]](*said[1:])


COMMANDS = {command.__name__: command for command in (show, check, released, observed, observe, compare, plan, explain, plan_json, run,
                                                      request, gate, answer, append, purge, report, findings, call,
                                                      roll_out, promises, measure, exclude, pages, judge, simulate)}


def run_command(runner, command):
    """A map with one key: the command's name."""
    (name, said), = command.items()
    line("==", name)
    try:
        COMMANDS[name](runner, said)
    except nipops.NipopsError as failure:
        printing.error(failure)
