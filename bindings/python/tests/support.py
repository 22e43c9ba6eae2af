"""What many tests need: a small rollout in a simulated world, a clock that stands still, a driver that does as it is told."""
import json
import os
import subprocess
import sys
import tempfile
import unittest
from datetime import datetime, timezone
from pathlib import Path

import nipops

PACKAGE = Path(nipops.__file__).resolve().parent.parent
ROOT = PACKAGE.parent.parent
BEGIN = datetime(2026, 1, 1, tzinfo=timezone.utc)
PATIENCE = 60.0  # seconds; what takes so long never comes

ROLLOUT = """
rollout:
  app: shop
  artifact: "%s"
  replicas: 3
  strategy: rolling
  target: {driver: sim, world: shop, start_delay: 200ms}
  router: {driver: sim, world: shop, start_delay: 200ms}
  health: {url: "http://{endpoint}/health", interval: 100ms, timeout: 30s, successes: 2}
"""


def plan_map(steps, subject="door", **more):
    """A plan as a dict."""
    return {"v": 1, "kind": "plan", "subject": subject, "title": "a test", "steps": steps, **more}


def act(id, role="door", verb="set", args=None, **more):
    """A step with one action."""
    classes = {"set": "declarative", "look": "read", "ring": "once"}
    action = {"role": role, "verb": verb, "class": classes[verb], "args": args or {}}
    return {"id": id, "title": "do %s" % id, "actions": [action], **more}


DOOR = plan_map([act("open", args={"position": "open"}, back=0)], back=[act("close", args={"position": "closed"})])


class Door(nipops.Driver):
    """A driver of plans about doors; what it does can be replaced."""

    verbs = {"set": nipops.VerbClass.DECLARATIVE, "look": nipops.VerbClass.READ, "ring": nipops.VerbClass.ONCE}

    def __init__(self, start=None):
        self.started = []
        self.cancelled = []
        self.closed = 0
        self._start = start

    def start(self, action):
        self.started.append(action)
        return self._start(action) if self._start else nipops.done()

    def cancel(self, action):
        self.cancelled.append(action)

    def close(self):
        self.closed += 1


class Case(unittest.TestCase):
    """A test with things that are closed at its end."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.database = os.path.join(folder.name, "state.db")

    def opened(self, thing):
        self.addCleanup(thing.close)
        return thing

    def virtual(self, **more):
        return self.opened(nipops.Context(seed=1, clock=BEGIN, **more))

    def real(self, **more):
        return self.opened(nipops.Context(seed=1, **more))

    def store(self, context, url="memory:", **more):
        return self.opened(nipops.Store(context, url, **more))

    def file_store(self, context, **more):
        return self.store(context, "sqlite:" + self.database, **more)

    def drivers(self, context=None, **bound):
        drivers = self.opened(nipops.Drivers(context))
        for role, driver in bound.items():
            drivers.bind(role, driver)
        return drivers

    def rollout_plan(self, context, drivers, store, version="1.0.0"):
        document = nipops.Document.parse(ROLLOUT % version)
        with nipops.observe(context, document, drivers) as operation:
            return nipops.plan_rollout(document, store.release("shop"), operation.run(PATIENCE))

    def door_run(self, store, plan=DOOR):
        return self.opened(store.start(nipops.Plan.from_json(plan)))


def spawn(script, *arguments, **more):
    """Starts another Python with a script; warnings are errors there too."""
    environment = dict(os.environ, PYTHONPATH=str(PACKAGE))
    if "ASAN_OPTIONS" in environment:
        environment["ASAN_OPTIONS"] += ":detect_leaks=0"  # such a process leaves things open on purpose
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", script, *arguments]
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True, **more)


def finish(case, process, expected=0):
    """Its output, once it has ended as expected."""
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        case.fail("the process did not end; it said: %s%s" % (out, err))
    case.assertEqual(process.returncode, expected, "it said: %s%s" % (out, err))
    return out


def kinds(events):
    return [event.kind for event in events]


def dumps(value):
    return json.dumps(value)
