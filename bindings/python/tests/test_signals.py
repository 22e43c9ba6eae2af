"""Ctrl-C and SIGTERM: the operation ends at once, the run is left so that it can be resumed."""
import signal
import time

from .support import Case, dumps, finish, plan_map, spawn

LONG = plan_map([{"id": "rest", "title": "rest", "wait": "1h"}])

SCRIPT = """
import os, signal, sys, threading, time, nipops

def interrupt_inside():
    with nipops.Store(nipops.Context(), "sqlite:" + sys.argv[1]) as other:
        while not any(record.payload.get("step") == "again" for record in other.records("door")):
            pass
    os.kill(os.getpid(), signal.SIGINT)

context = nipops.Context()
code = 0
with nipops.Store(context, "sqlite:" + sys.argv[1]) as store, store.start(nipops.Plan.from_json(sys.argv[2])) as run:
    with run.drive(nipops.Drivers(context)) as operation:
        if sys.argv[3] == "term":
            signal.signal(signal.SIGTERM, lambda *_: operation.cancel())
        if sys.argv[3] == "await":
            import asyncio
        try:
            while run.state != "waiting":
                operation.step()
            print("waits", flush=True)
            if sys.argv[3] == "await":
                async def main():
                    return await operation
                asyncio.run(main())
            elif sys.argv[3] == "inside":
                threading.Thread(target=interrupt_inside).start()
                operation.run_inside()
            elif sys.argv[3] == "iterate":
                for event in operation:
                    pass
            else:
                operation.run()
        except KeyboardInterrupt:
            code = 3
        except nipops.CancelledError:
            code = 4
        assert not operation.under_way
        print(time.time(), flush=True)
sys.exit(code)
"""


class Signals(Case):
    def send(self, how, number, expected):
        process = spawn(SCRIPT, self.database, dumps(LONG), how)
        self.assertEqual(process.stdout.readline(), "waits\n")
        time.sleep(0.1)  # into the wait; the test holds without it too
        begin = time.time()
        process.send_signal(number)
        delay = float(finish(self, process, expected).split()[-1]) - begin
        print("\n%s while it is driven by %r: %.1f ms until the operation had ended" % (number.name, how, delay * 1000), flush=True)
        self.assertLess(delay, 5)
        store = self.file_store(self.real())
        self.assertFalse(store.lease("door").alive)
        with store.resume("door") as run:
            self.assertIsNone(run.outcome)
            self.assertEqual(run.status().waiting.what, "time")

    def test_ctrl_c(self):
        self.send("run", signal.SIGINT, 3)

    def test_ctrl_c_while_iterating(self):
        self.send("iterate", signal.SIGINT, 3)

    def test_ctrl_c_in_asyncio(self):
        self.send("await", signal.SIGINT, 3)

    def test_ctrl_c_waits_for_run_inside(self):
        """The second wait begins inside; the signal comes then."""
        plan = plan_map([{"id": "rest", "title": "rest", "wait": "100ms"}, {"id": "again", "title": "rest again", "wait": "2s"}])
        process = spawn(SCRIPT, self.database, dumps(plan), "inside")
        finish(self, process, 3)
        self.assertEqual(self.file_store(self.real()).runs("door")[0].outcome, "succeeded")

    def test_sigterm(self):
        self.send("term", signal.SIGTERM, 4)
