"""Stores: notes, pages, heads, verification, purging."""
import os
import stat

import nipops

from .support import BEGIN, Case, plan_map, act, Door


class Journals(Case):
    def setUp(self):
        super().setUp()
        self.context = self.virtual()
        self.place = self.file_store(self.context)

    def test_append_and_read(self):
        self.assertEqual(self.place.append("shop", "note.written", {"text": "ä \" 漢"}), 1)
        self.assertEqual(self.place.append("shop", "note.written", '{"n":2}', at=BEGIN, expected=1), 2)
        first, second = self.place.records("shop")
        self.assertEqual(first.payload, {"text": "ä \" 漢"})
        self.assertEqual((second.sequence, second.kind, second.at, second.epoch), (2, "note.written", BEGIN, 0))
        self.assertEqual(len(second.hash), 64)
        self.assertIn('"n":2', second.json)
        self.assertEqual(list(self.place.records("shop", after=2)), [])

    def test_many_pages(self):
        for number in range(1203):
            self.place.append("shop", "note.written", {"number": number})
        read = list(self.place.records("shop"))
        self.assertEqual([record.payload["number"] for record in read], list(range(1203)))
        self.assertEqual(len(list(self.place.records("shop", after=1200))), 3)

    def test_conflict_and_rules(self):
        self.place.append("shop", "note.written", {})
        with self.assertRaises(nipops.ConflictError):
            self.place.append("shop", "note.written", {}, expected=0)
        for subject, kind, payload in (("no/name", "note.written", {}), ("shop", "run.planned", {}), ("shop", "Note", {}),
                                       ("shop", "note.written", "[]")):
            with self.assertRaises(nipops.NipopsError):
                self.place.append(subject, kind, payload)
        with self.assertRaises(nipops.LimitError):
            self.place.append("shop", "note.written", {"text": "x" * nipops.RECORD_MAX})
        with self.assertRaises(ValueError):
            self.place.append("shop", "note.written", {"number": float("nan")})
        with self.assertRaises(TypeError):
            self.place.append("shop", "note.written", [1])
        with self.assertRaises(ValueError):
            self.place.append("shop", "note.written", {}, at=BEGIN.replace(tzinfo=None))

    def test_a_number_beyond_64_bits_is_no_smaller_one(self):
        for number in range(3):
            self.place.append("shop", "note.written", {"number": number})
        for call in (lambda: self.place.purge("shop", 2**64 + 2), lambda: self.place.append("shop", "note.written", {}, expected=2**64 + 3),
                     lambda: list(self.place.records("shop", after=2**64))):
            with self.assertRaisesRegex(nipops.InvalidError, "must fit 64 bits"):
                call()
        self.assertEqual((self.place.verify("shop").records, self.place.verify("shop").purged), (3, 0))

    def test_head_and_verify(self):
        self.assertEqual(self.place.head("shop").sequence, 0)
        self.place.append("shop", "note.written", {})
        head = self.place.head("shop")
        self.assertEqual((head.subject, head.sequence, len(head.hash)), ("shop", 1, 64))
        self.assertTrue(self.place.verify("shop").intact)
        checked = self.place.verify("shop", head)
        self.assertEqual((checked.verdict, checked.head, checked.records, checked.broken_at), ("intact", "matches", 1, None))
        other = self.store(self.context)
        self.assertFalse(other.verify("shop", head.json).intact)

    def test_purge(self):
        self.place.append("shop", "note.written", {"text": "gone"})
        self.place.purge("shop", 1)
        self.assertIsNone(next(self.place.records("shop")).payload)
        self.assertEqual(self.place.verify("shop").purged, 1)

    def test_subjects_lease_release(self):
        self.place.append("b", "note.written", {}, at=BEGIN)
        self.place.append("a", "note.written", {}, at=BEGIN)
        self.assertEqual([subject.subject for subject in self.place.subjects() if not subject.subject.startswith("@")], ["a", "b"])
        self.assertIsNone(self.place.lease("a"))
        self.assertIsNone(self.place.release("a"))
        self.assertEqual(self.place.runs(), [])
        run = self.door_run(self.place, plan_map([act("open")]))
        lease = self.place.lease("door")
        self.assertEqual((lease.alive, lease.epoch), (True, 1))
        self.assertEqual(lease.holder["pid"], os.getpid())
        self.assertEqual(self.place.runs("door")[0].run, run.id)
        self.assertEqual(self.place.unfinished("door"), self.place.runs("door")[0])
        self.assertFalse(self.place.runs("door")[0].over)
        self.assertIsNone(self.place.unfinished("nobody"))

    def test_file_is_private(self):
        self.place.append("a", "note.written", {})
        self.assertEqual(stat.S_IMODE(os.stat(self.database).st_mode), 0o600)

    def test_readonly(self):
        self.place.append("a", "note.written", {})
        reader = self.file_store(self.context, readonly=True)
        self.assertEqual(len(list(reader.records("a"))), 1)
        with self.assertRaises(PermissionError):
            reader.append("a", "note.written", {})
        with self.assertRaises(nipops.NotFoundError):
            nipops.Store(self.context, "sqlite:%s/none.db" % self.folder, readonly=True)

    def test_what_is_no_store(self):
        with self.assertRaises(nipops.InvalidError):
            nipops.Store(self.context, "nonsense:")
        path = os.path.join(self.folder, "text.db")
        with open(path, "w", encoding="utf-8") as file:
            file.write("no database " * 100)
        with self.assertRaises(nipops.CorruptError):
            nipops.Store(self.context, "sqlite:" + path)

    def test_context_may_be_closed_first(self):
        context = nipops.Context(clock=BEGIN)
        store = self.store(context)
        context.close()
        self.assertEqual(store.append("a", "note.written", {}), 1)
        self.assertEqual(next(store.records("a")).at, BEGIN)


class Requests(Case):
    def test_requests(self):
        context = self.virtual()
        store = self.store(context)
        plan = plan_map([act("open", back=0), {"id": "ask", "title": "ask", "approve": "go on?"}], back=[act("close")])
        run = self.door_run(store, plan)
        with self.assertRaises(nipops.StateError):
            store.approve("door", "tester")  # nothing asks yet
        operation = self.opened(run.drive(self.drivers(context, door=Door())))
        self.assertFalse(operation.wait(0))
        for _ in range(1000):
            if run.status().waiting is not None:
                break
            operation.step()
        self.assertEqual(run.status().waiting.what, "approval")
        self.assertEqual(run.status().waiting.message, "go on?")
        with self.assertRaises(ValueError):
            store.approve(run.id, "te\0ster")
        answer = store.approve(run.id, "tester", "looks good\0 \ud800 " + "x" * 2000000)
        said = [record.payload for record in store.records("door") if record.kind == "request.made"][0]["why"]
        self.assertTrue(said.startswith("looks good\\x00 \\ud800 xxx") and said.endswith("x... (cut: 2000022 bytes in all)"), said[:30] + said[-60:])
        self.assertEqual((answer.run, answer.driven), (run.id, True))
        self.assertEqual(operation.run(60).outcome, "succeeded")
        with self.assertRaises(nipops.StateError):
            store.abort("door", "tester")
        with self.assertRaises(nipops.NotFoundError):
            store.pause("nobody", "tester")
        with self.assertRaises(nipops.InvalidError):
            store.request("door", "explode", "tester")
