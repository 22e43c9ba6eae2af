"""Several threads: runs side by side with one store and with two, and everything at once on shared objects."""
import threading
import time

import nipops

from .support import PATIENCE, Case, Door, act, plan_map

DELAY = "60ms"


class Together(Case):
    def in_threads(self, *functions):
        """Runs each in a thread of its own; gives their results, or fails with what one of them raised."""
        results, errors = {}, []

        def work(number, function):
            try:
                results[number] = function()
            except BaseException as error:
                errors.append(error)
        threads = [threading.Thread(target=work, args=item) for item in enumerate(functions)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
            self.assertFalse(thread.is_alive(), "a thread hangs")
        if errors:
            raise errors[0]
        return [results[number] for number in range(len(functions))]

    def runner(self, store, context, subject, driver=None):
        steps = [act("open%d" % n) for n in range(5)] + [{"id": "rest", "title": "rest", "wait": DELAY}]

        def run():
            plan = nipops.Plan.from_json(plan_map(steps, subject))
            with nipops.Drivers(context).bind("door", driver or Door()) as drivers:
                with store.start(plan) as run, run.drive(drivers) as operation:
                    return [event.kind for event in operation][-1], run.outcome
        return run

    def test_one_store(self):
        context = self.real()
        for store in (self.store(context), self.file_store(context)):
            begin = time.monotonic()
            results = self.in_threads(*(self.runner(store, context, "s%d" % n) for n in range(6)))
            self.assertEqual(results, [("run.ended", "succeeded")] * 6)
            print("\nsix runs of 60 ms, one store: %.0f ms" % ((time.monotonic() - begin) * 1000), flush=True)
            for number in range(6):
                self.assertTrue(store.verify("s%d" % number).intact)

    def test_two_stores(self):
        context = self.real()
        results = self.in_threads(*(self.runner(self.file_store(context), context, "s%d" % n) for n in range(2)))
        self.assertEqual(results, [("run.ended", "succeeded")] * 2)

    def test_one_driver(self):
        context = self.real()
        store, door = self.store(context), Door()
        results = self.in_threads(*(self.runner(store, context, "s%d" % n, door) for n in range(4)))
        self.assertEqual(results, [("run.ended", "succeeded")] * 4)
        self.assertEqual(len(door.started), 20)

    def test_a_wait_holds_no_lock(self):
        context = self.real()
        store = self.store(context)
        run = self.door_run(store, plan_map([{"id": "rest", "title": "rest", "wait": "1h"}]))
        operation = self.opened(run.drive(self.drivers(context)))
        thread = threading.Thread(target=lambda: self.assertRaises(nipops.CancelledError, operation.run))
        thread.start()
        try:
            while run.state != "waiting":
                pass
            begin = time.monotonic()
            for number in range(100):
                store.append("notes", "note.written", {"number": number})
                run.status()
                operation.status()
            self.assertLess(time.monotonic() - begin, 5)
        finally:
            operation.cancel()
            thread.join(PATIENCE)
        self.assertFalse(thread.is_alive())

    def test_one_operation_driven_by_two(self):
        context = self.real()
        for _ in range(30):
            run = self.door_run(self.store(context), plan_map([act("open%d" % n) for n in range(20)]))
            operation = self.opened(run.drive(self.drivers(context, door=Door())))
            results = self.in_threads(operation.run, operation.run)
            self.assertEqual([status.outcome for status in results], ["succeeded"] * 2)

    def test_callbacks_that_use_each_others_stores(self):
        """Each holds its own store and asks for the other's: nobody may wait for ever."""
        context = self.real()
        stores = [self.store(context), self.store(context)]

        def driver(other):
            def start(action):
                try:
                    other.append("notes", "note.written", {})
                except nipops.BusyError:
                    pass
                return nipops.done()
            return Door(start)
        self.in_threads(*(self.runner(stores[n], context, "s%d" % n, driver(stores[1 - n])) for n in range(2)))

    def test_everything_at_once(self):
        context = self.real()
        store = self.file_store(context)
        until = time.monotonic() + 1.0

        def use():
            count = 0
            while time.monotonic() < until:
                store.append("notes", "note.written", {"count": count})
                store.head("notes")
                list(store.records("notes", after=max(0, store.head("notes").sequence - 3)))
                with store.start(nipops.Plan.from_json(plan_map([act("open")], "s%d" % threading.get_ident()))) as run:
                    run.complete(run.next(), nipops.done())
                    assert isinstance(run.next(), nipops.Done)
                count += 1
            return count
        self.assertGreater(sum(self.in_threads(*[use] * 4)), 4)
        self.assertTrue(store.verify("notes").intact)
