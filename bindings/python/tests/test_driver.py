"""A host's own drivers: actions copied, exceptions told, nothing touched that is C's and gone."""
import copy
import logging
import os
import pickle
import select
import threading

import nipops
from nipops import driver as module

from .support import DOOR, PATIENCE, Case, Door, act, plan_map


class Base(Case):
    def drive(self, driver, plan=DOOR, context=None):
        """An operation over a plan whose only driver this is."""
        context = context or self.virtual()
        run = self.door_run(self.store(context), plan)
        return self.opened(run.drive(self.drivers(context, door=driver)))

    def quietly(self):
        return self.assertLogs("nipops", logging.ERROR)


class Starting(Base):
    def test_done_at_once(self):
        door = Door()
        status = self.drive(door).run(PATIENCE)
        self.assertEqual(status.outcome, "succeeded")
        action = door.started[0]
        self.assertEqual((action.role, action.verb, action.args, action.settles), ("door", "set", {"position": "open"}, False))
        self.assertTrue(action.completed)
        self.assertFalse(action.cancelled)
        with self.assertRaises(nipops.StateError):
            action.complete(nipops.done())

    def test_failed_is_taken_back(self):
        door = Door(lambda action: nipops.failed("exited", "it jams") if action.args["position"] == "open" else nipops.done())
        status = self.drive(door).run(PATIENCE)
        self.assertEqual((status.outcome, status.reason), ("returned", "exited"))
        self.assertIn("it jams", status.message)

    def test_an_exception_fails_the_action(self):
        def start(action):
            if action.args["position"] == "open":
                raise ZeroDivisionError("no hinge")
            return nipops.done()
        with self.quietly() as logged:
            status = self.drive(Door(start)).run(PATIENCE)
        self.assertEqual((status.outcome, status.reason), ("returned", "internal"))
        self.assertIn("ZeroDivisionError", status.message)
        self.assertIn("no hinge", status.message)
        self.assertIn("ZeroDivisionError", "".join(logged.output))

    def test_an_answer_that_is_none(self):
        with self.quietly():
            status = self.drive(Door(lambda action: 5)).run(PATIENCE)
        self.assertIn("TypeError", status.message)

    def test_not_an_outcome(self):
        status = self.drive(Door(lambda action: {"outcome": "perhaps"})).run(PATIENCE)
        self.assertEqual(status.reason, "protocol")

    def test_a_copy_is_an_action_only(self):
        """It has no way to complete what is C's, and gone perhaps."""
        copies = []

        def start(action):
            copies.extend((copy.copy(action), copy.deepcopy(action), pickle.loads(pickle.dumps(action))))
            return nipops.done()
        door = Door(start)
        self.assertEqual(self.drive(door).run(PATIENCE).outcome, "succeeded")
        for copied in copies:
            self.assertIs(type(copied), nipops.Action)
            self.assertEqual(vars(copied), {name: value for name, value in vars(door.started[0]).items() if not name.startswith("_")})

    def test_a_copy_of_a_worker_has_threads_of_its_own(self):
        first = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, lambda action: None)})
        operation = self.drive(first, context=self.real())
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        for copied in (copy.copy, copy.deepcopy):
            other = copied(first)
            self.assertEqual(self.drive(other, context=self.real()).run(PATIENCE).outcome, "succeeded")
            self.assertIsNot(first._crew, other._crew)

    def test_a_copy_of_a_driver_is_a_driver_of_its_own(self):
        first = Door()
        self.drive(first).run(PATIENCE)
        for copied in (copy.copy, copy.deepcopy):
            other = copied(first)
            other.started = []
            self.assertEqual(self.drive(other).run(PATIENCE).outcome, "succeeded")
            self.assertEqual((len(first.started), len(other.started)), (1, 1))

    def test_unknown_verb(self):
        status = self.drive(Door(), plan_map([act("x", verb="set")] + [
            {"id": "y", "title": "y", "actions": [{"role": "door", "verb": "paint", "class": "declarative", "args": {}}]}])).run(PATIENCE)
        self.assertEqual(status.reason, "unsupported")

    def test_any_text_may_say_why(self):
        """What JSON of the library cannot carry is shown by its number; a text that is far too long begins as it does."""
        def start(action):
            if action.args["position"] == "open":
                raise ValueError(text)
            return nipops.done()
        for text, wanted in (("a\0b", r"a\x00b"), ("a\udcffb", r"a\udcffb"), ("burst pipe" + "x" * 3000000, "burst pipexxx")):
            with self.subTest(text[:10]), self.quietly():
                status = self.drive(Door(start)).run(PATIENCE)
                self.assertEqual(status.reason, "internal")
                self.assertIn(wanted, status.message)
        for text, wanted in (("a\0b", r"a\x00b"), ("a\udcffb", r"a\udcffb")):
            fails = Door(lambda action: nipops.failed("exited", text) if action.args["position"] == "open" else nipops.done())
            with self.subTest(failed=text):
                status = self.drive(fails).run(PATIENCE)
                self.assertEqual((status.reason, status.message), ("exited", "step open failed: " + wanted))

    def test_a_verb_class_that_fails(self):
        class Broken(Door):
            def verb_class(self, verb):
                raise KeyError(verb)
        with self.quietly():
            self.assertEqual(self.drive(Broken()).run(PATIENCE).reason, "unsupported")

    def test_ctrl_c_in_start_ends_the_operation(self):
        def start(action):
            raise KeyboardInterrupt
        operation = self.drive(Door(start))
        with self.assertRaises(KeyboardInterrupt):
            operation.run(PATIENCE)
        self.assertFalse(operation.under_way)


class Piped(Door):
    """Completes an action when its pipe is written to."""

    def __init__(self):
        super().__init__(lambda action: None)
        self.reading, self.writing = os.pipe()

    def fd(self):
        return self.reading

    def dispatch(self, now_ns):
        os.read(self.reading, 1)
        self.started[-1].complete(nipops.done())

    def close(self):
        super().close()
        os.close(self.reading)
        os.close(self.writing)


class Later(Base):
    def test_wake_and_dispatch(self):
        class Slow(Door):
            """Takes two seconds of the run's clock."""
            due = None

            def start(self, action):
                self.started.append(action)
                self.due = self.now() + 2 * 10**9

            def wake(self):
                return self.due

            def dispatch(self, now_ns):
                if self.due is not None and now_ns >= self.due:
                    self.due = None
                    self.started[-1].complete(nipops.done())
        context = self.virtual()
        slow = Slow()
        slow.now = context.now_ns
        begin = context.now_ns()
        self.assertEqual(self.drive(slow, context=context).run(PATIENCE).outcome, "succeeded")
        self.assertGreaterEqual(context.now_ns() - begin, 2 * 10**9)

    def test_fd(self):
        piped = Piped()
        operation = self.drive(piped, plan_map([act("open")]), self.real())
        self.assertFalse(operation.wait(0.05))
        threading.Timer(0.05, os.write, (piped.writing, b"x")).start()
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")

    def test_a_dispatch_behind_a_descriptor_that_fails_ends_the_operation(self):
        for context in (self.real(), self.virtual()):
            piped = Piped()
            piped.dispatch = lambda now_ns: 1 // 0
            operation = self.drive(piped, context=context)
            self.assertFalse(operation.wait(0.01))
            os.write(piped.writing, b"x")
            with self.assertRaises(ZeroDivisionError):
                operation.run(PATIENCE)
            self.assertFalse(operation.under_way)
            self.assertTrue(piped.started[0].cancelled)

    def test_cancelled_at_its_deadline(self):
        door = Door(lambda action: None)
        status = self.drive(door, plan_map([act("open", deadline="5s")])).run(PATIENCE)
        self.assertNotEqual(status.outcome, "succeeded")
        action = door.cancelled[0]
        self.assertTrue(action.cancelled)
        self.assertFalse(action.complete(nipops.done()))  # nobody waits, and C's memory is not touched

    def test_cancelled_with_its_operation(self):
        door = Door(lambda action: None)
        operation = self.drive(door, context=self.real())
        operation.wait(0.05)
        operation.close()
        self.assertTrue(door.started[0].cancelled)
        self.assertFalse(door.started[0].complete(nipops.done()))

    def test_completed_elsewhere(self):
        door = Door(lambda action: None)
        operation = self.drive(door, context=self.real())
        operation.wait(0.05)
        with self.assertRaisesRegex(nipops.StateError, "start or dispatch"):
            door.started[0].complete(nipops.done())
        self.assertFalse(door.started[0].completed)

    def test_exceptions_come_out_of_the_driving_call(self):
        for name in ("wake", "dispatch", "fd"):
            with self.subTest(name):
                class Broken(Door):
                    def wake(self):
                        return 0
                driver = Broken(lambda action: None)

                def fail(*_):
                    raise ZeroDivisionError(name)
                setattr(driver, name, fail)
                with self.assertRaisesRegex(ZeroDivisionError, name):
                    operation = self.drive(driver)
                    operation.run(PATIENCE)

    def test_a_cancel_that_fails_is_logged(self):
        class Broken(Door):
            def cancel(self, action):
                raise ZeroDivisionError
        operation = self.drive(Broken(lambda action: None), context=self.real())
        operation.wait(0.05)
        with self.quietly():
            operation.close()


class Reentry(Base):
    def test_the_operation_is_busy_in_its_own_callback(self):
        failures = []

        def start(action):
            for call in (operation.step, operation.run, operation.events, operation.status):
                try:
                    call()
                except nipops.BusyError as error:
                    failures.append(error.name)
            return nipops.done()
        operation = self.drive(Door(start), plan_map([act("open")]))
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        self.assertEqual(failures, ["NIP_E_BUSY"] * 4)

    def test_a_callback_may_use_the_store(self):
        context = self.virtual()
        store = self.store(context)
        run = self.door_run(store, plan_map([act("open")]))
        door = Door(lambda action: nipops.done({"sequence": store.append("notes", "note.written", {})}))
        with run.drive(self.drivers(context, door=door)) as operation:
            self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        self.assertEqual(store.head("notes").sequence, 1)

    def test_a_callback_does_not_wait_for_others(self):
        """It might be waited for itself; so it is told at once that the store is busy."""
        context = self.real()
        early = self.store(context)
        operation_store = self.store(context)
        run = self.door_run(operation_store, plan_map([act("open")]))
        told = []

        def start(action):
            inside = threading.Event()
            leave = threading.Event()

            def use():
                with module.Using(early):
                    inside.set()
                    leave.wait(PATIENCE)
            thread = threading.Thread(target=use)
            thread.start()
            inside.wait(PATIENCE)
            try:
                early.append("notes", "note.written", {})
            except nipops.BusyError as error:
                told.append(error.retryable)
            early.close()  # nor for this: it is freed when the other is through
            told.append("closed")
            leave.set()
            thread.join(PATIENCE)
            return nipops.done()
        with run.drive(self.drivers(context, door=Door(start))) as operation:
            operation.run(PATIENCE)
        self.assertEqual(told, [True, "closed"])


class Lifetime(Base):
    def test_closed_once_when_nothing_uses_it(self):
        door = Door()
        drivers = nipops.Drivers().bind("door", door).bind("window", door)
        other = nipops.Drivers().bind("door", door)
        drivers.close()
        self.assertEqual(door.closed, 0)
        other.close()
        self.assertEqual(door.closed, 1)
        self.assertNotIn(door, [bound.driver for bound in module._bound.values()])

    def test_bound_anew_after_it_was_closed(self):
        door = Door()
        nipops.Drivers().bind("door", door).close()
        drivers = self.drivers(door=door)
        self.assertEqual(door.closed, 1)
        drivers.close()
        self.assertEqual(door.closed, 2)

    def test_replaced(self):
        first, second = Door(), Door()
        drivers = nipops.Drivers().bind("door", first).bind("door", second)
        drivers.close()
        self.assertEqual((first.closed, second.closed), (1, 1))

    def test_outlives_its_set_in_an_operation(self):
        context = self.virtual()
        door = Door()
        drivers = nipops.Drivers(context).bind("door", door)
        operation = self.door_run(self.store(context)).drive(drivers)
        drivers.close()
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        self.assertEqual(door.closed, 0)
        operation.close()
        self.assertEqual(door.closed, 1)

    def test_what_is_no_driver(self):
        with self.assertRaises(TypeError):
            self.drivers(door=object())
        with self.assertRaises(nipops.NotFoundError):
            nipops.open_driver(self.virtual(), "nonsense")
        with self.assertRaises(nipops.DocumentError):
            nipops.open_driver(self.virtual(), "sim", {"slots": "many"})
        with self.assertRaises(ValueError):
            self.drivers().open({"target": {"driver": "sim"}})

    def test_built_in(self):
        context = self.virtual()
        drivers = self.drivers(context)
        with nipops.open_driver(context, "sim", {"start_delay": "1s"}) as sim:
            drivers.bind("target", sim)
        drivers.open({"router": {"driver": "sim"}})


class Workers(Base):
    def test_blocking_functions(self):
        names = set()
        together = threading.Barrier(3)

        def set_(action):
            together.wait(PATIENCE)
            names.add(threading.current_thread().name)
            return {"outcome": "done", "result": action.args}
        step = {"id": "all", "title": "all", "actions": [
            {"role": "door", "verb": "set", "class": "declarative", "args": {"n": n}} for n in range(3)]}
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, set_)}, threads=3)
        operation = self.drive(worker, plan_map([step]), self.real())
        results = [event.payload["result"]["n"] for event in operation if event.kind == "action.completed"]
        self.assertEqual(sorted(results), [0, 1, 2])
        self.assertEqual(names, {"nipops-worker"})

    def test_a_virtual_clock_stands_still_for_them(self):
        """Else the deadline would pass at once, since nothing but the worker is waited for."""
        inside, goes_on = threading.Event(), threading.Event()

        def set_(action):
            inside.set()
            goes_on.wait(PATIENCE)
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, set_)})
        context = self.virtual()
        operation = self.drive(worker, plan_map([act("open", deadline="5s")]), context)
        while not inside.is_set():
            operation.wait(0.01)
        before = context.now_ns()
        self.assertFalse(operation.wait(0.05))
        self.assertEqual(context.now_ns(), before)
        self.assertEqual(select.select([operation], [], [], 0.01)[0], [], "it would spin")
        goes_on.set()
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")

    def test_one_for_operations_in_two_threads(self):
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, lambda action: None)})
        context = self.real()
        operations = [self.drive(worker, plan_map([act("open%d" % n) for n in range(20)]), context) for _ in range(2)]
        found = []
        threads = [threading.Thread(target=lambda each: found.append(each.run(PATIENCE).outcome), args=(each,)) for each in operations]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        self.assertEqual(found, ["succeeded"] * 2)

    def test_bound_anew(self):
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, lambda action: None)})
        context = self.real()
        for _ in range(2):
            with nipops.Drivers().bind("door", worker) as drivers, self.store(context).start(nipops.Plan.from_json(DOOR)) as run:
                with run.drive(drivers) as operation:
                    self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
            self.assertIsNone(worker._crew)

    def test_an_answer_that_is_none(self):
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, lambda action: 5)})
        with self.quietly():
            status = self.drive(worker, plan_map([act("open")]), self.real()).run(PATIENCE)
        self.assertIn("found int", status.message)

    def test_an_exception_fails_the_action(self):
        def set_(action):
            if action.args["position"] == "open":
                raise OSError("no hinge")
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, set_)})
        with self.quietly():
            status = self.drive(worker, context=self.real()).run(PATIENCE)
        self.assertEqual(status.outcome, "returned")
        self.assertIn("OSError: no hinge", status.message)

    def test_closed_while_at_work(self):
        inside, goes_on = threading.Event(), threading.Event()

        def set_(action):
            inside.set()
            goes_on.wait(PATIENCE)
            seen.append(action.cancelled)
        seen, failures = [], []
        before, threading.excepthook = threading.excepthook, failures.append
        self.addCleanup(setattr, threading, "excepthook", before)
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, set_)}, threads=1)
        context = self.real()
        run = self.door_run(self.store(context), plan_map([act("open")]))
        drivers = nipops.Drivers(context).bind("door", worker)
        operation = run.drive(drivers)
        while not inside.is_set():
            operation.wait(0.01)
        thread = worker._crew.threads[0]
        operation.close()
        drivers.close()
        goes_on.set()
        thread.join(PATIENCE)
        self.assertEqual((seen, failures), ([True], []))
        worker.close()  # twice is fine

    def test_fewer_threads_than_actions(self):
        step = {"id": "all", "title": "all", "actions": [
            {"role": "door", "verb": "set", "class": "declarative", "args": {"n": n}} for n in range(20)]}
        worker = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, lambda action: None)}, threads=2)
        self.assertEqual(self.drive(worker, plan_map([step]), self.real()).run(PATIENCE).outcome, "succeeded")
        self.assertLessEqual(len(worker._crew.threads), 2)
        with self.assertRaises(ValueError):
            nipops.WorkerDriver({}, threads=0)




class Sharing(Base):
    def test_binding_anew_lets_the_earlier_driver_go(self):
        drivers, doors = self.drivers(), [Door() for _ in range(5)]
        for door in doors:
            drivers.bind("door", door)
        self.assertEqual([door.closed for door in doors], [1, 1, 1, 1, 0])
        drivers.close()
        self.assertEqual(doors[4].closed, 1)

    def test_closing_one_set_while_another_binds(self):
        """The close of the one set is over before the driver serves the other."""
        order, closing, bound = [], threading.Event(), threading.Event()

        class Slow(Door):
            def close(self):
                closing.set()
                bound.wait(0.2)  # for a binding that comes too early
                order.append("closed")
        door, first = Slow(), nipops.Drivers()
        first.bind("door", door)
        thread = threading.Thread(target=first.close)
        thread.start()
        closing.wait(PATIENCE)
        second = nipops.Drivers().bind("door", door)
        order.append("bound")
        bound.set()
        thread.join(PATIENCE)
        second.close()
        self.assertEqual(order, ["closed", "bound", "closed"])


class NoText(Exception):
    def __str__(self):
        raise ValueError("no text")
    __repr__ = __str__


class OddExceptions(Base):
    """Whatever an exception of a host says, its action fails with a message."""

    def odd(self, action):
        if action.args["position"] == "open":
            raise self.error
        return None

    def test_in_a_worker(self):
        for self.error, expected in ((RuntimeError("tool: \udcff"), "\\udcff"), (NoText(), "NoText")):
            driver = nipops.WorkerDriver({"set": (nipops.VerbClass.DECLARATIVE, self.odd)})
            with self.quietly():
                status = self.drive(driver, context=self.real()).run(PATIENCE)
            self.assertEqual((status.outcome, status.reason), ("returned", "internal"))
            self.assertIn(expected, status.message)

    def test_in_start(self):
        for self.error, expected in ((RuntimeError("tool: \udcff"), "\\udcff"), (NoText(), "NoText")):
            with self.quietly():
                status = self.drive(Door(lambda action: self.odd(action) or nipops.done())).run(PATIENCE)
            self.assertEqual((status.outcome, status.reason), ("returned", "internal"))
            self.assertIn(expected, status.message)

    def test_in_fd(self):
        class Broken(Door):
            def fd(self):
                raise NoText
        with self.assertRaises(NoText):
            self.drive(Broken()).run(PATIENCE)
