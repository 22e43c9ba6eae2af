"""Runs that a host drives itself; leaving and resuming, in this process, from another one, and after kill -9."""
import signal

import nipops

from .support import BEGIN, DOOR, Case, Door, act, finish, plan_map, spawn

SECOND = 10**9

DRIVE_A_LITTLE = """
import sys, nipops
context = nipops.Context()
store = nipops.Store(context, "sqlite:" + sys.argv[1])
run = store.start(nipops.Plan.from_json(sys.argv[2]))
action = run.next()
print(action.id, flush=True)
if sys.argv[3] == "leave":
    run.close()
    store.close()
else:
    import time
    time.sleep(600)
"""


class ByHand(Case):
    def setUp(self):
        super().setUp()
        self.context = self.virtual()
        self.place = self.store(self.context)

    def test_next_and_complete(self):
        run = self.door_run(self.place)
        self.assertEqual((run.id, run.subject, run.state, run.outcome), ("door-1", "door", "planned", None))
        action = run.next()
        self.assertEqual((action.run, action.subject, action.role, action.verb), ("door-1", "door", "door", "set"))
        self.assertEqual((action.args, action.before, action.settles, action.repeated), ({"position": "open"}, None, False, False))
        self.assertGreater(action.deadline, BEGIN)
        self.assertEqual(action.deadline_ns % 1000, 0)
        self.assertIsInstance(run.next(), nipops.Wait)
        run.complete(action, nipops.done())
        self.assertEqual(run.next(), nipops.Done("succeeded"))
        self.assertEqual(run.outcome, "succeeded")
        self.assertEqual(run.sequence, self.place.head("door").sequence)

    def test_taken_back_is_a_value(self):
        run = self.door_run(self.place)
        run.complete(run.next().id, {"outcome": "failed", "reason": "exited", "message": "no", "retryable": False})
        back = run.next()
        self.assertEqual(back.args, {"position": "closed"})
        run.complete(back, nipops.done())
        self.assertEqual(run.next(), nipops.Done("returned"))
        self.assertEqual((run.status().outcome, run.status().reason), ("returned", "exited"))

    def test_waits(self):
        run = self.door_run(self.place, plan_map([{"id": "rest", "title": "rest", "wait": "90s"}]))
        now = self.context.now_ns()
        wait = run.next(now)
        self.assertEqual(wait.until_ns, now + 90 * SECOND)
        self.assertEqual(run.status(now).waiting.until, wait.until)
        self.assertEqual(run.next(wait.until), nipops.Done("succeeded"))

    def test_a_wait_without_end(self):
        run = self.door_run(self.place, plan_map([{"id": "ask", "title": "ask", "approve": "go on?"}]))
        self.assertIsNone(run.next().until)
        self.place.approve("door", "tester")
        self.assertTrue(run.poll())
        self.assertFalse(run.poll())
        self.assertEqual(run.next(), nipops.Done("succeeded"))

    def test_wrong_reports(self):
        run = self.door_run(self.place)
        action = run.next()
        with self.assertRaises(nipops.NotFoundError):
            run.complete("door-1.999", nipops.done())
        with self.assertRaises(nipops.NipopsError):
            run.complete(action, {"outcome": "perhaps"})
        with self.assertRaises(TypeError):
            run.complete(action, None)
        with self.assertRaises(ValueError):
            nipops.settled("perhaps")
        run.complete(action, nipops.done())
        run.complete(action, nipops.done())  # a repeated report is recorded, and ignored
        self.assertEqual(list(self.place.records("door"))[-1].kind, "action.ignored")

    def test_a_naive_instant_is_refused(self):
        run = self.door_run(self.place)
        with self.assertRaises(ValueError):
            run.next(BEGIN.replace(tzinfo=None))

    def test_status_only(self):
        run = self.door_run(self.place)
        with self.place.open_run("door") as look:
            self.assertEqual(look.status().run, run.id)
            with self.assertRaises(nipops.NipopsError):
                look.next()
        with self.assertRaises(nipops.NotFoundError):
            self.place.open_run("nobody")

    def test_one_run_a_subject(self):
        self.door_run(self.place)
        with self.assertRaises((nipops.StateError, nipops.HeldError)):
            self.door_run(self.place)

    def test_an_operation_drives_alone(self):
        run = self.door_run(self.place)
        with run.drive(self.drivers(door=Door(lambda action: None))) as operation:
            operation.step()
            for call in (run.next, lambda: run.complete("door-1.3", nipops.done()), lambda: run.drive(self.drivers())):
                with self.assertRaises(nipops.BusyError):
                    call()


class Resumed(Case):
    def test_in_the_same_process(self):
        context = self.virtual()
        store = self.file_store(context)
        first = self.door_run(store)
        action = first.next()
        first.close()
        with store.resume("door") as run:
            again = run.next()
            self.assertTrue(again.settles)  # was it done? that is asked first
            run.complete(again, nipops.settled("not_yet"))
            again = run.next()
            self.assertEqual((again.id, again.repeated), (action.id, True))
            run.complete(again, nipops.done())
            self.assertEqual(run.next(), nipops.Done("succeeded"))

    def left_by_another(self, how):
        import json
        process = spawn(DRIVE_A_LITTLE, self.database, json.dumps(DOOR), how)
        self.assertEqual(process.stdout.readline().strip(), "door-1.1")
        if how == "kill":
            process.send_signal(signal.SIGKILL)
            finish(self, process, -signal.SIGKILL)
        else:
            finish(self, process)

    def resume_and_finish(self):
        context = self.real()
        store = self.file_store(context)
        self.assertEqual(store.unfinished("door").run, "door-1")
        self.assertEqual(store.planned("door").to_dict()["title"], "a test")
        door = Door(lambda action: nipops.settled("not_yet", result={}) if action.settles else nipops.done())
        with store.resume("door") as run, run.drive(self.drivers(context, door=door)) as operation:
            self.assertEqual(operation.run(60).outcome, "succeeded")
        self.assertTrue(door.started[0].settles or door.started[0].repeated)
        self.assertTrue(store.verify("door").intact)
        self.assertIsNone(store.unfinished("door"))
        self.assertEqual([(run.outcome, run.over) for run in store.runs("door")], [("succeeded", True)])
        store.purge("door", store.head("door").sequence)
        with self.assertRaises(nipops.NotFoundError):
            store.planned("door")

    def test_left_by_another_process(self):
        self.left_by_another("leave")
        self.resume_and_finish()

    def test_killed(self):
        self.left_by_another("kill")
        self.resume_and_finish()

    def test_held_by_another_process(self):
        import json
        process = spawn(DRIVE_A_LITTLE, self.database, json.dumps(DOOR), "kill")
        self.assertEqual(process.stdout.readline().strip(), "door-1.1")
        try:
            store = self.file_store(self.real())
            with self.assertRaises(nipops.HeldError):
                store.resume("door")
            self.assertTrue(store.lease("door").alive)
        finally:
            process.kill()
            process.communicate()
