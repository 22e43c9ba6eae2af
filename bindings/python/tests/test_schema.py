"""Schemas from Python."""
import nipops
from .support import Case


class Schemas(Case):
    def test_all(self):
        names = nipops.schemas()
        self.assertEqual((names["rollout"], names["haproxy"]), ("document", "driver"))
        for name in names:
            self.assertEqual(nipops.schema(name)["type"], "object")
        self.assertIn("| `rollout.app` |", nipops.schema_text("rollout"))

    def test_what_there_is_not(self):
        with self.assertRaises(nipops.NotFoundError):
            nipops.schema("cucumber")
        with self.assertRaises(nipops.InvalidError):
            nipops.schema_text("rollout", "pdf")

    def test_metrics_and_spans(self):
        store = self.store(self.virtual())
        store.append("shop", "note.written", {})
        self.assertIn('nipops_journal_records_total{app="shop"} 1', store.metrics_text())
        with self.assertRaises(nipops.NotFoundError):
            store.spans("shop")

    def test_convert(self):
        converted = nipops.convert_argo("kind: Rollout\nmetadata: {name: shop}\nspec: {strategy: {canary: {steps: [{setWeight: 20}, {plugin: {}}]}}}\n")
        with converted.document() as document:
            document.check()
        self.assertIn(("dropped", "spec.strategy.canary.steps[1].plugin", 3), [(note.what, note.at, note.line) for note in converted.notes])
        with self.assertRaises(nipops.DocumentError):
            nipops.convert_argo("a: 1")
