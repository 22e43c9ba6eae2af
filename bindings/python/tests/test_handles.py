"""Whose is what: closing in every order, twice, under others' feet; forgetting; forking; the end of the interpreter."""
import copy
import gc
import os
import pickle
import signal
import threading
import unittest
import warnings

import nipops
from nipops import _locks

from .support import BEGIN, DOOR, PATIENCE, Case, Door, act, dumps, finish, plan_map, spawn

LONG = plan_map([{"id": "rest", "title": "rest", "wait": "1h"}])

LEFT_OPEN = """
import sys, threading, nipops
context = nipops.Context()
store = nipops.Store(context, "sqlite:" + sys.argv[1])
run = store.start(nipops.Plan.from_json(sys.argv[2]))
drivers = nipops.Drivers(context)
operation = run.drive(drivers)
if sys.argv[3] == "daemon":
    threading.Thread(target=operation.run, daemon=True).start()
    while run.state == "planned":
        pass
elif sys.argv[3] == "busy":
    def append():
        while True:
            store.append("notes", "note.written", {})
    threading.Thread(target=append, daemon=True).start()
    while store.head("notes").sequence < 20:
        pass
else:
    operation.wait(0.05)
print("ends", flush=True)
"""


class Closing(Case):
    def test_all_kinds(self):
        context = self.virtual()
        store = self.store(context)
        run = self.door_run(store)
        drivers = self.drivers(context, door=Door())
        things = [run.drive(drivers), run, store, drivers, nipops.Document.parse("health: {targets: []}"),
                  nipops.Plan.from_json(DOOR), nipops.open_driver(context, "sim"), context]
        for thing in things:
            with self.subTest(type(thing).__name__):
                self.assertFalse(thing.closed)
                thing.close()
                self.assertTrue(thing.closed)
                thing.close()
                with self.assertRaises(nipops.ClosedError):
                    thing.__enter__()

    def test_use_after_close(self):
        context = self.virtual()
        store = nipops.Store(context, "memory:")
        run = store.start(nipops.Plan.from_json(DOOR))
        operation = run.drive(self.drivers(context, door=Door()))
        for thing in (operation, run, store):
            thing.close()
        calls = [lambda: store.append("a", "note.written", {}), lambda: list(store.records("a")), lambda: store.resume("door"),
                 lambda: run.state, run.next, run.status, operation.step, operation.run, operation.run_inside, operation.fileno,
                 operation.result, lambda: list(operation)]
        for call in calls:
            with self.assertRaises(nipops.ClosedError) as caught:
                call()
            self.assertIsInstance(caught.exception, ValueError)
            self.assertIn("is closed", str(caught.exception))
        operation.cancel()  # of nothing

    def test_parents_first(self):
        context = nipops.Context(seed=1, clock=BEGIN)
        store = nipops.Store(context, "sqlite:" + self.database)
        run = store.start(nipops.Plan.from_json(DOOR))
        drivers = nipops.Drivers(context).bind("door", Door())
        operation = run.drive(drivers)
        for thing in (context, store, run, drivers):
            thing.close()
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        operation.close()
        again = self.file_store(self.real())
        self.assertFalse(again.lease("door").alive)
        self.assertTrue(again.verify("door").intact)

    def test_a_closed_store_keeps_its_run_alive(self):
        store = nipops.Store(self.virtual(), "sqlite:" + self.database)
        run = self.opened(store.start(nipops.Plan.from_json(DOOR)))
        store.close()
        run.complete(run.next(), nipops.done())
        self.assertEqual(run.next(), nipops.Done("succeeded"))

    def test_close_while_another_thread_is_inside(self):
        context = self.real()
        for _ in range(20):
            store = nipops.Store(context, "memory:")
            begun = threading.Event()

            def append():
                try:
                    while True:
                        store.append("notes", "note.written", {})
                        begun.set()
                except nipops.ClosedError:
                    pass
            threads = [threading.Thread(target=append) for _ in range(3)]
            for thread in threads:
                thread.start()
            begun.wait(PATIENCE)
            store.close()
            for thread in threads:
                thread.join(PATIENCE)
                self.assertFalse(thread.is_alive())

    def test_closed_by_a_callback(self):
        context = self.virtual()
        store = self.store(context)
        holder = {}

        def close_everything(action):
            holder["operation"].close()
            holder["run"].close()
            holder["drivers"].close()
            return nipops.done()
        run = store.start(nipops.Plan.from_json(DOOR))
        drivers = nipops.Drivers(context).bind("door", Door(close_everything))
        holder.update(operation=run.drive(drivers), run=run, drivers=drivers)
        with self.assertRaises((nipops.ClosedError, nipops.CancelledError)):
            holder["operation"].run(PATIENCE)
        self.assertFalse(store.lease("door").alive)


class Wrong(Case):
    def test_not_made_by_its_class(self):
        for kind, makers in ((nipops.Document, "Document.load"), (nipops.Plan, "Plan.from_json"), (nipops.OpenDriver, "open_driver")):
            with self.assertRaisesRegex(TypeError, makers):
                kind("rollout.yaml")

    def test_swapped_arguments(self):
        context, drivers = self.virtual(), self.drivers()
        document = nipops.Document.parse("rollout: {app: shop}")
        store = self.store(context)
        for name, call in (
                ("context", lambda: nipops.observe(document, context, drivers)), ("what", lambda: nipops.observe(context, drivers, drivers)),
                ("drivers", lambda: nipops.observe(context, document, context)), ("context", lambda: nipops.Store("memory:", context)),
                ("plan", lambda: store.start(document)), ("document", lambda: nipops.plan_rollout(store, None, {})),
                ("drivers", lambda: self.door_run(store).drive(context)), ("context", lambda: nipops.Drivers(store)),
                ("context", lambda: nipops.health_check(document, context)), ("context", lambda: nipops.open_driver("sim", context))):
            with self.subTest(name=name), self.assertRaisesRegex(TypeError, "%s must be .*, found " % name):
                call()

    def test_copied(self):
        """A copy would not keep the C object from being freed."""
        context = self.virtual()
        store = self.store(context)
        run = self.door_run(store)
        drivers = self.drivers(context, door=Door())
        for thing in (context, store, run, drivers, self.opened(run.drive(drivers)), nipops.Document.parse(dumps(DOOR)), nipops.Plan.from_json(DOOR),
                      nipops.open_driver(context, "sim")):
            for copied in (copy.copy, copy.deepcopy, pickle.dumps):
                with self.subTest(type(thing).__name__), self.assertRaisesRegex(TypeError, "cannot be copied or pickled"):
                    copied(thing)
            with self.assertRaisesRegex(TypeError, "cannot be copied or pickled"):
                copy.deepcopy(thing._held)

    def test_shown(self):
        """No secrets, and nothing that waits for another thread."""
        store = self.store(self.virtual())
        self.assertEqual(repr(store), "<nipops.Store>")
        store.append("notes", "note.written", {"token": "hidden"})
        self.assertNotIn("hidden", repr(next(store.records("notes"))))
        store.close()
        self.assertEqual(repr(store), "<nipops.Store closed>")


class Forgotten(Case):
    def forget(self, make):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            thing = make()
            del thing
            gc.collect()
        return [str(warning.message) for warning in caught if warning.category is ResourceWarning]

    def test_store_run_and_operation_are_missed(self):
        context = self.virtual()
        store = self.file_store(context)
        self.assertEqual(self.forget(lambda: nipops.Store(context, "memory:")), ["unclosed store"])
        plan = nipops.Plan.from_json(DOOR)
        self.assertEqual(self.forget(lambda: store.start(plan)), ["unclosed run"])
        self.assertFalse(store.lease("door").alive)  # it was freed all the same
        run = self.opened(store.resume("door"))
        drivers = self.drivers(context, door=Door())
        self.assertEqual(self.forget(lambda: run.drive(drivers)), ["unclosed operation"])

    def test_others_are_not(self):
        self.assertEqual(self.forget(lambda: nipops.Context()), [])
        self.assertEqual(self.forget(lambda: nipops.Plan.from_json(DOOR)), [])
        context = self.virtual()
        drivers = self.drivers(context)
        document = nipops.Document.parse("rollout: {app: a, artifact: '1', target: {driver: sim}, router: {driver: sim}, "
                                         "health: {url: 'http://{endpoint}/'}}")
        self.assertEqual(self.forget(lambda: nipops.observe(context, document, drivers).run(PATIENCE)), [])

    def test_in_a_cycle(self):
        store = self.file_store(self.virtual())

        def make():
            run = store.start(nipops.Plan.from_json(DOOR))
            loop = [run]
            loop.append(loop)
            return loop
        self.assertEqual(self.forget(make), ["unclosed run"])
        self.assertFalse(store.lease("door").alive)

    def test_dropped_while_its_store_is_in_use(self):
        """What can not be freed at once waits for whoever has the store."""
        store = self.file_store(self.real())
        run = self.opened(store.start(nipops.Plan.from_json(plan_map([act("ring", verb="ring")], "bell"))))
        inside, goes_on = threading.Event(), threading.Event()

        def ring(action):
            inside.set()
            goes_on.wait(PATIENCE)
            return nipops.done()
        operation = self.opened(run.drive(self.drivers(door=Door(ring))))
        others = [store.start(nipops.Plan.from_json(DOOR))]
        thread = threading.Thread(target=operation.run)
        thread.start()
        inside.wait(PATIENCE)
        self.assertEqual(self.forget(others.pop), ["unclosed run"])
        self.assertEqual(len(_locks._waiting), 1)
        goes_on.set()
        thread.join(PATIENCE)
        self.assertEqual(len(_locks._waiting), 0)
        self.assertFalse(store.lease("door").alive)


@unittest.skipUnless(hasattr(os, "fork"), "needs fork")
class Forked(Case):
    def in_child(self, function):
        """Exit status of a forked child: 0 when `function` gave True."""
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                status = 0 if function() else 2
            finally:
                os._exit(status)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    def test_the_child_leaves_the_parents_things_alone(self):
        context = self.real()
        store = self.file_store(context)
        run = self.door_run(store, LONG)
        operation = self.opened(run.drive(self.drivers(context)))
        operation.wait(0.05)

        def child():
            refused = 0
            for call in (lambda: store.head("door"), lambda: run.state, operation.step, context.now):
                try:
                    call()
                except nipops.ClosedError as error:
                    refused += "fork" in str(error)
            operation.cancel()
            for thing in (operation, run, store, context):
                thing.close()
            del thing
            gc.collect()
            return refused == 4
        self.assertEqual(self.in_child(child), 0)
        self.assertFalse(operation.wait(0.05))  # not cancelled
        self.assertTrue(store.lease("door").alive)
        self.assertEqual(run.state, "waiting")

    def test_the_child_may_make_its_own(self):
        store = self.file_store(self.real())
        store.append("a", "note.written", {})

        def child():
            with nipops.Store(nipops.Context(), "sqlite:" + self.database) as own:
                return own.append("a", "note.written", {}) == 2
        self.assertEqual(self.in_child(child), 0)
        self.assertEqual(store.head("a").sequence, 2)

    @unittest.skipIf("ASAN_OPTIONS" in os.environ, "forked while another thread allocates, a child waits for ever inside of the sanitizer's own allocator")
    def test_fork_while_a_thread_is_inside(self):
        store = self.store(self.real())
        stop = threading.Event()

        def append():
            while not stop.is_set():
                store.append("a", "note.written", {})
        thread = threading.Thread(target=append)
        thread.start()
        try:
            for _ in range(10):
                def child():
                    store.close()
                    with nipops.Store(nipops.Context(), "memory:") as own:
                        return own.append("a", "note.written", {}) == 1
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", DeprecationWarning)  # fork with threads, from 3.12 on
                    self.assertEqual(self.in_child(child), 0)
        finally:
            stop.set()
            thread.join(PATIENCE)

    def test_the_childs_drivers_are_its_own(self):
        """One that the parent has bound may be bound anew, with threads of the child's."""
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, lambda action: None)})
        context = self.real()
        self.opened(self.door_run(self.store(context)).drive(self.drivers(context, door=worker))).run(PATIENCE)

        def work():
            context = nipops.Context(seed=1)
            with nipops.Store(context, "memory:") as store, nipops.Drivers(context).bind("door", worker) as drivers:
                with store.start(nipops.Plan.from_json(DOOR)) as run, run.drive(drivers) as operation:
                    return operation.run(5).outcome == "succeeded"
        self.assertEqual(self.in_child(work), 0)

    def test_the_child_binds_what_is_in_use(self):
        inside, goes_on = threading.Event(), threading.Event()

        def ring(action):
            inside.set()
            goes_on.wait(PATIENCE)
            return nipops.done()
        context, door = self.real(), Door(ring)
        operation = self.opened(self.door_run(self.store(context)).drive(self.drivers(context, door=door)))
        thread = threading.Thread(target=operation.run)
        thread.start()
        inside.wait(PATIENCE)

        def bind():
            signal.alarm(10)  # ends a child that hangs
            return nipops.Drivers().bind("door", door).closed is False
        try:
            self.assertEqual(self.in_child(bind), 0)
        finally:
            goes_on.set()
            thread.join(PATIENCE)


class Ending(Case):
    def test_the_interpreter_ends_with_things_open(self):
        for how in ("open", "daemon", "busy"):
            with self.subTest(how):
                database = "%s/%s.db" % (self.folder, how)
                out = finish(self, spawn(LEFT_OPEN, database, dumps(LONG), how))
                self.assertEqual(out, "ends\n")
                store = self.store(self.real(), "sqlite:" + database)
                self.assertFalse(store.lease("door").alive)
                with store.resume("door") as run:
                    self.assertIsNone(run.outcome)
