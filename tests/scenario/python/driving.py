"""How runs are driven: by next and complete, by a driver of the host's own, by the built-in simulated world."""
import os
import signal

import nipops
import printing


def die(message):
    """A scenario that makes no sense: nothing is compared."""
    raise SystemExit("runner: " + message)


def duration(said, key):
    return nipops.parse_duration_ns(said[key]) if key in said else 0


def is_moment(after, record, counts, key):
    """`after`: {kind, step?, nth?}"""
    payload = record.payload or {}
    if after is None or after["kind"] != record.kind or after.get("step", payload.get("step")) != payload.get("step"):
        return False
    counts[key] = counts.get(key, 0) + 1
    return counts[key] == after.get("nth", 1)


class Drive:
    """One run being driven: what the scenario says about it, and what was seen of it so far."""

    def __init__(self, runner, said, run, crash):
        self.runner, self.said, self.run, self.crash = runner, said, run, crash
        self.intended = {}      # payloads of action.intended by action
        self.rule_counts = {}   # how often each rule of `answers` fitted
        self.moment_counts = {}
        self.requested = set()  # which of `requests` were made
        self.handed = 0
        self.seen = run.sequence
        self.leaves = False     # the moment to leave the run as it is has come

    # ---- what the host answers ----

    def fits(self, rule, action):
        """`step`, `for` and `attempt` are in the journal only."""
        intended = self.intended.get(action.id, {})
        return (rule["action"] == action.role + "/" + action.verb and rule.get("settles", False) == action.settles and
                all(rule[key] == intended.get(key) for key in ("step", "for", "attempt") if key in rule))

    def find_rule(self, action):
        """Each rule counts the actions that fit it, whether or not an earlier rule answers them; `nth` chooses one of them."""
        found = None
        for index, rule in enumerate(self.said.get("answers", [])):
            if not self.fits(rule, action):
                continue
            count = self.rule_counts[index] = self.rule_counts.get(index, 0) + 1
            if found is None and rule.get("nth", count) == count:
                found = rule
        return found

    # ---- what happens at stated moments ----

    def see_record(self, record, now_ns):
        """A record was written: is it what somebody waited for?"""
        printing.record("event", record)
        self.seen = record.sequence
        if record.kind == "action.intended":
            self.intended[record.payload["action"]] = record.payload
        for index, request in enumerate(self.said.get("requests", [])):
            if index not in self.requested and is_moment(request.get("after"), record, self.moment_counts, index):
                self.make_request(index, now_ns)
        if is_moment(self.next_crash().get("after"), record, self.moment_counts, "crash"):
            die_suddenly()
        if is_moment(self.said.get("leave"), record, self.moment_counts, "leave"):
            self.leaves = True

    def next_crash(self):
        crashes = self.said.get("crashes", [])
        return crashes[self.crash] if self.crash < len(crashes) else {}

    def crash_after_action(self):
        self.handed += 1
        if self.next_crash().get("after_action") == self.handed:
            die_suddenly()

    def make_request(self, index, now_ns):
        request = self.said["requests"][index]
        self.requested.add(index)
        try:
            if "answer" in request:
                printing.line("answered", printing.json_text(
                    self.runner.store.answer(self.run.id, request["answer"], request["who"], request.get("why"), now_ns).raw))
                return
            printing.requested(self.runner.store.request(self.run.id, request["request"], request["who"], request.get("why"), now_ns))
        except nipops.NipopsError as failure:
            printing.error(failure)

    def next_timed_request(self):
        """Instant and index of the earliest request that bears an instant and was not made yet; or None."""
        timed = [(self.runner.start_ns + duration(request, "at"), index)
                 for index, request in enumerate(self.said.get("requests", [])) if "at" in request and index not in self.requested]
        return min(timed, default=None)


def die_suddenly():
    printing.line("crash")
    printing.flush()
    os.kill(os.getpid(), signal.SIGKILL)


def outcome_of(answer):
    """The binding's own outcome for what the scenario says."""
    if answer["outcome"] == "done":
        return nipops.done(answer.get("result"))
    if answer["outcome"] == "failed":
        return nipops.failed(answer["reason"], answer["message"], retryable=answer.get("retryable", False), result=answer.get("result"))
    return nipops.settled(answer["outcome"], answer.get("message"), result=answer.get("result"))


# ---- by next and complete ----

class NextHost:
    """A host with a clock that jumps to whatever comes next."""

    def __init__(self, drive, now_ns):
        self.drive, self.run, self.now_ns = drive, drive.run, now_ns
        self.pending = []  # answers on their way: (due, order, action, outcome)
        self.order = 0

    def show_records(self):
        for record in list(self.drive.runner.store.records(self.run.subject, self.drive.seen)):
            self.drive.see_record(record, self.now_ns)

    def take(self, action):
        printing.action(action)
        self.drive.crash_after_action()
        rule = self.drive.find_rule(action)
        if rule is None:
            printing.line("no answer")
        elif "answer" in rule:
            self.order += 1
            self.pending.append((self.now_ns + duration(rule, "takes"), self.order, action, outcome_of(rule["answer"])))
            self.pending.sort(key=lambda answer: answer[:2])

    def answer(self):
        _, _, action, outcome = self.pending.pop(0)
        try:
            self.run.complete(action, outcome, self.now_ns)
        except nipops.NipopsError as failure:
            printing.error(failure)

    def move_on(self, until_ns):
        """Moves on to the first of: an answer, a request, what the run waits for. False: nothing will ever happen."""
        request = self.drive.next_timed_request()
        moments = [until_ns, self.pending[0][0] if self.pending else None, request[0] if request else None]
        moments = [moment for moment in moments if moment is not None]
        if not moments:
            return False
        self.now_ns = max(self.now_ns, min(moments))
        while self.pending and self.pending[0][0] <= self.now_ns:
            self.answer()
        if request and request[0] <= self.now_ns:
            self.drive.make_request(request[1], self.now_ns)
        printing.line("poll %d" % self.run.poll())
        return True

    def step(self):
        """False when there is nothing more to do."""
        what = self.run.next(self.now_ns)
        self.show_records()
        if isinstance(what, nipops.Done) or self.drive.leaves:
            return False
        if isinstance(what, nipops.Action):
            self.take(what)
            return True
        printing.line("wait", printing.instant(what.until_ns, "never"))
        printing.status(self.run.status(self.now_ns))
        if self.move_on(what.until_ns):
            return True
        printing.line("nothing left to wait for")
        return False

    def drive_to_end(self):
        try:
            while self.step():
                pass
        except nipops.NipopsError as failure:
            self.show_records()
            printing.error(failure)
        while self.pending:  # late ones are recorded, and otherwise ignored
            self.answer()
        self.show_records()
        status = self.run.status(self.now_ns)
        printing.status(status)
        printing.line("  whole", printing.json_text(status.raw))


# ---- by an operation ----

class Host(nipops.Driver):
    """The host's own driver: answers at once. Its actions are shown when the run is over, since not every language does it earlier."""

    def __init__(self, drive):
        self.drive = drive
        self.actions = []
        self.verbs = {verb: nipops.VerbClass[name.upper()] for verb, name in drive.said.get("classes", {}).items()}

    def start(self, action):
        self.actions.append(action)
        rule = self.drive.find_rule(action)
        if rule is None or "answer" not in rule:
            return nipops.failed("unsupported", "the scenario has no answer")
        return outcome_of(rule["answer"])


def drive_operation(drive, drivers):
    with drive.run.drive(drivers) as operation:
        for record in operation:
            drive.see_record(record, drive.runner.context.now_ns())
            if drive.leaves:
                operation.cancel()
        printing.status(operation.result())


def drive_with_host(drive):
    host = Host(drive)
    with nipops.Drivers() as drivers:
        for role in drive.said.get("roles", []):
            drivers.bind(role, host)
        try:
            drive_operation(drive, drivers)
        finally:
            for action in host.actions:
                printing.action(action)


def drive_with_world(drive):
    """Drivers of the simulated world are the scenario's, since that world lives as long as they do."""
    drive_operation(drive, drive.runner.drivers)


def drive_run(drive, now_ns):
    way = drive.runner.scenario["drive"]
    if way == "next":
        NextHost(drive, now_ns).drive_to_end()
        return
    try:
        (drive_with_host if way == "vtable" else drive_with_world)(drive)
    except nipops.NipopsError as failure:
        printing.error(failure)
