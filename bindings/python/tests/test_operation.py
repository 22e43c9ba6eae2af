"""Operations: driven to the end, in slices, in a loop of the host's own; cancelled, timed out, closed."""
import math
import select
import threading
import time
from datetime import timedelta

import nipops

from .support import DOOR, PATIENCE, ROLLOUT, Case, Door, act, plan_map

LONG = plan_map([{"id": "rest", "title": "rest", "wait": "1h"}])


class Driven(Case):
    def operation(self, context, plan=LONG, door=None):
        run = self.door_run(self.store(context), plan)
        return run, self.opened(run.drive(self.drivers(context, door=door or Door())))

    def test_run_with_a_virtual_clock(self):
        context = self.virtual()
        run, operation = self.operation(context)
        begin = context.now()
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        self.assertGreaterEqual((context.now() - begin).total_seconds(), 3600)
        self.assertFalse(operation.under_way)
        self.assertEqual(operation.run().outcome, "succeeded")  # again: it is over
        self.assertEqual(operation.result().run, run.id)
        self.assertTrue(operation.step())

    def test_loop_of_ones_own(self):
        for context in (self.virtual(), self.real()):
            _, operation = self.operation(context, plan_map([{"id": "rest", "title": "rest", "wait": "50ms"}]))
            self.assertGreaterEqual(operation.fileno(), 0)
            steps = 0
            while True:
                ready, _, _ = select.select([operation], [], [], PATIENCE)
                self.assertTrue(ready, "the descriptor never became readable")
                steps += 1
                if operation.step():
                    break
            self.assertLess(steps, 1000, "it spins")

    def test_timeout(self):
        _, operation = self.operation(self.real())
        with self.assertRaises(TimeoutError) as caught:
            operation.run(0.05)
        self.assertIsInstance(caught.exception, nipops.TimedOutError)
        self.assertTrue(operation.under_way)
        self.assertFalse(operation.wait(0.01))
        with self.assertRaises(nipops.StateError):
            operation.result()

    def test_status(self):
        _, operation = self.operation(self.real())
        operation.wait(0.01)
        self.assertEqual(operation.status()["state"], "waiting")

    def test_events_once(self):
        _, operation = self.operation(self.virtual())
        operation.run(PATIENCE)
        self.assertEqual(operation.events()[-1].kind, "run.ended")
        self.assertEqual(operation.events(), [])

    def test_iteration_may_be_broken_off(self):
        _, operation = self.operation(self.virtual())
        for event in operation:
            break
        self.assertEqual(event.kind, "run.planned")
        self.assertTrue(operation.under_way)
        self.assertEqual(list(operation)[-1].kind, "run.ended")

    def test_cancel_from_another_thread(self):
        run, operation = self.operation(self.real())
        timer = threading.Timer(0.1, operation.cancel)
        timer.start()
        with self.assertRaises(nipops.CancelledError):
            operation.run(PATIENCE)
        timer.join()
        self.assertFalse(operation.under_way)
        with self.assertRaises(nipops.CancelledError):
            operation.result()
        operation.cancel()  # twice is fine
        self.assertIsNone(run.outcome)

    def test_closed_by_another_thread(self):
        run, operation = self.operation(self.real())
        timer = threading.Timer(0.1, operation.close)
        timer.start()
        begin = time.monotonic()
        with self.assertRaises(nipops.NipopsError) as caught:
            operation.run(PATIENCE)
        timer.join()
        self.assertIsInstance(caught.exception, (nipops.ClosedError, nipops.CancelledError))
        self.assertLess(time.monotonic() - begin, PATIENCE / 2)

    def test_cancelled_run_resumes(self):
        context = self.real()
        store = self.file_store(context)
        with store.start(nipops.Plan.from_json(LONG)) as run, run.drive(self.drivers(context)) as operation:
            self.assertFalse(operation.wait(0.05))
            operation.cancel()
            with self.assertRaises(nipops.CancelledError):
                operation.run()
        store.promote("door", "tester")
        with store.resume("door") as run, run.drive(self.drivers(context)) as operation:
            self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")

    def test_a_role_that_nobody_serves_is_refused(self):
        context = self.virtual()
        run = self.door_run(self.store(context), plan_map([act("open", role="window")]))
        with self.assertRaisesRegex(nipops.StateError, '"window"'):
            run.drive(self.drivers(context, door=Door()))
        self.assertEqual(run.state, "planned")
        with run.drive(self.drivers(context, window=Door())) as operation:
            self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")

    def test_what_the_plan_names_is_opened(self):
        context = self.virtual()
        run = self.door_run(self.store(context), plan_map([act("open")], drivers={"door": {"driver": "sim"}}))
        drivers = self.drivers()
        with run.drive(drivers) as operation:
            self.assertEqual(operation.run(PATIENCE).reason, "unsupported")  # the simulated world has no doors
        wrong = self.door_run(self.store(context), plan_map([act("open")], drivers={"door": {"driver": "nonsense"}}))
        with self.assertRaises(nipops.NotFoundError):
            wrong.drive(self.drivers())

    def test_one_operation_at_a_time_a_driver(self):
        context = self.virtual()
        drivers = self.drivers(context, door=Door(lambda action: None)).open({"check": {"driver": "check"}})
        store = self.store(context)
        run = self.door_run(store)
        operation = self.opened(run.drive(drivers))
        operation.step()
        other = self.door_run(store, plan_map([act("open")], "window"))
        spare = Door()
        for call in (lambda: other.drive(drivers), lambda: drivers.bind("door", spare),
                     lambda: drivers.open({"router": {"driver": "sim"}}, context)):
            with self.assertRaises(nipops.BusyError):
                call()
        operation.close()
        drivers.bind("door", spare)
        with other.drive(drivers) as operation:
            self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
        drivers.bind("window", spare)  # what is over uses nothing

    def test_timeouts_of_any_length(self):
        _, operation = self.operation(self.real(), plan_map([{"id": "rest", "title": "rest", "wait": "20ms"}]))
        with self.assertRaises(ValueError):
            operation.wait(math.nan)
        self.assertTrue(operation.under_way)
        self.assertEqual(operation.run(timedelta(days=400)).outcome, "succeeded")

    def test_what_can_not_be_observed(self):
        context = self.virtual()
        with self.assertRaises(nipops.NipopsError):
            nipops.observe(context, {"v": 1}, self.drivers(context))
        with self.assertRaises(TypeError):
            nipops.observe(context, 5, self.drivers(context))


class Inside(Case):
    """Driven by one call of the library."""

    def plan(self, *, wait):
        return plan_map([{"id": "rest", "title": "rest", "wait": wait}])

    def test_simulation(self):
        context = self.virtual()
        drivers, store = self.drivers(context), self.store(context)
        with nipops.observe(context, nipops.Document.parse(ROLLOUT % "1.0.0"), drivers) as look:
            plan = nipops.plan_rollout(nipops.Document.parse(ROLLOUT % "1.0.0"), None, look.run_inside())
        run = self.opened(store.start(plan))
        operation = self.opened(run.drive(drivers))
        self.assertEqual(operation.run_inside().outcome, "succeeded")
        self.assertFalse(operation.under_way)
        self.assertEqual(operation.events(), list(store.records("shop")))
        self.assertEqual(operation.run_inside().outcome, "succeeded")  # again: it is over

    def test_slices(self):
        context = self.virtual()
        run = self.door_run(self.store(context), self.plan(wait="1h"))
        operation = self.opened(run.drive(self.drivers(context)))
        begin, slices = context.now(), 1
        while not operation.wait_inside(timedelta(minutes=1)):
            slices += 1
        self.assertGreaterEqual(slices, 60)  # of the virtual clock's minutes, and a few that events ended
        self.assertLess(slices, 80)
        self.assertGreaterEqual(context.now() - begin, timedelta(hours=1))
        self.assertTrue(operation.wait_inside())

    def test_real_clock(self):
        context = self.real()
        operation = self.opened(self.door_run(self.store(context), self.plan(wait="1h")).drive(self.drivers(context)))
        while operation.events() or not operation.wait_inside(0.01) and operation.events():
            pass
        self.assertFalse(operation.wait_inside(0.01))
        self.assertFalse(operation.wait_inside(-1))

    def test_cancelled_by_another_thread(self):
        context = self.real()
        run = self.door_run(self.store(context), self.plan(wait="1h"))
        operation = self.opened(run.drive(self.drivers(context)))
        timer = threading.Timer(0.1, operation.cancel)
        timer.start()
        with self.assertRaises(nipops.CancelledError):
            operation.run_inside()
        timer.join()
        self.assertFalse(operation.under_way)

    def test_drivers_of_the_host_are_refused(self):
        context = self.virtual()
        operation = self.opened(self.door_run(self.store(context), DOOR).drive(self.drivers(context, door=Door())))
        for drive in (operation.run_inside, operation.wait_inside):
            with self.assertRaises(nipops.UnsupportedError):
                drive()
        self.assertEqual(operation.run(PATIENCE).outcome, "succeeded")
