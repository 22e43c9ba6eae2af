"""Operations inside an event loop, without threads."""
import asyncio
import threading

import nipops

from .support import PATIENCE, Case, Door, act, plan_map

LONG = plan_map([{"id": "rest", "title": "rest", "wait": "10m"}])
SHORT = [{"id": "rest", "title": "rest", "wait": "50ms"}]


class Async(Case):
    def operation(self, context, plan=LONG, **drivers):
        run = self.door_run(self.store(context), plan)
        return run, self.opened(run.drive(self.drivers(context, **drivers)))

    def test_await(self):
        for context in (self.virtual(), self.real()):
            _, operation = self.operation(context, plan_map(SHORT))

            async def main():
                return await asyncio.wait_for(wrap(operation), PATIENCE)
            status = asyncio.run(main())
            self.assertEqual(status.outcome, "succeeded")

            async def again():
                return await operation
            self.assertEqual(asyncio.run(again()).outcome, "succeeded")  # it is over: the result at once

    def test_async_for(self):
        _, operation = self.operation(self.virtual())

        async def main():
            return [event.kind async for event in operation]
        kinds = asyncio.run(main())
        self.assertEqual((kinds[0], kinds[-1]), ("run.planned", "run.ended"))

    def test_breaking_off_goes_on(self):
        _, operation = self.operation(self.virtual())

        async def main():
            async for _ in operation:
                break
            return await operation
        self.assertEqual(asyncio.run(main()).outcome, "succeeded")

    def test_many_at_once_without_threads(self):
        context = self.real()
        store = self.store(context)
        operations = []
        for number in range(20):
            run = self.opened(store.start(nipops.Plan.from_json(plan_map(SHORT, "s%d" % number))))
            operations.append(self.opened(run.drive(self.drivers(context))))

        async def main():
            return await asyncio.wait_for(asyncio.gather(*map(wrap, operations)), PATIENCE)
        before = threading.active_count()
        self.assertEqual({status.outcome for status in asyncio.run(main())}, {"succeeded"})
        self.assertEqual(threading.active_count(), before)

    def test_cancelled_task(self):
        run, operation = self.operation(self.real())

        async def main():
            task = asyncio.ensure_future(wrap(operation))
            while run.state != "waiting":
                await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
        asyncio.run(main())
        self.assertFalse(operation.under_way)
        self.assertIsNone(run.outcome)

    def test_cancelled_operation(self):
        _, operation = self.operation(self.real())

        async def main():
            asyncio.get_running_loop().call_later(0.05, operation.cancel)
            with self.assertRaises(nipops.CancelledError):
                await operation
        asyncio.run(main())

    def test_two_tasks(self):
        _, operation = self.operation(self.real())

        async def main():
            first = asyncio.ensure_future(wrap(operation))
            await asyncio.sleep(0)
            with self.assertRaises(nipops.BusyError):
                await operation
            self.assertTrue(operation.under_way)
            first.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await first
        asyncio.run(main())

    def test_a_drivers_exception(self):
        class Broken(Door):
            def wake(self):
                raise ZeroDivisionError
        _, operation = self.operation(self.real(), plan_map([act("open")]), door=Broken(lambda action: None))

        async def main():
            await operation
        with self.assertRaises(ZeroDivisionError):
            asyncio.run(main())
        self.assertFalse(operation.under_way)


async def wrap(operation):
    """A task wants a coroutine."""
    return await operation
