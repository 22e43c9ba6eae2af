"""Operations: driven to the end, in slices, in a loop of the host's own; cancelled, timed out, closed."""
import select
import threading
import time

import nipops

from .support import PATIENCE, Case, Door, act, plan_map

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

    def test_no_driver_is_an_outcome(self):
        run, operation = self.operation(self.virtual(), plan_map([act("open", role="window")]))
        status = operation.run(PATIENCE)
        self.assertEqual((status.outcome, status.reason), ("stopped", "unsupported"))

    def test_one_operation_at_a_time_a_driver(self):
        context = self.virtual()
        drivers = self.drivers(context).open({"check": {"driver": "check"}})
        store = self.store(context)
        run = self.door_run(store)
        with run.drive(drivers):
            other = self.door_run(store, plan_map([act("open")], "window"))
            with self.assertRaises(nipops.BusyError):
                other.drive(drivers)
            with self.assertRaises(nipops.BusyError):
                drivers.bind("door", Door())
        with other.drive(drivers):
            pass

    def test_what_can_not_be_observed(self):
        context = self.virtual()
        with self.assertRaises(nipops.NipopsError):
            nipops.observe(context, {"v": 1}, self.drivers(context))
        with self.assertRaises(TypeError):
            nipops.observe(context, 5, self.drivers(context))
