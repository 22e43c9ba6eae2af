"""Documents."""
import os

import nipops

from .support import ROLLOUT, Case


class Documents(Case):
    def test_parse_check_and_read(self):
        document = nipops.Document.parse(ROLLOUT % "1.0.0", "rollout.yaml")
        self.assertEqual(document.kind, "rollout")
        document.check()
        self.assertEqual(document.to_dict()["rollout"]["replicas"], 3)
        self.assertTrue(document.to_json().startswith("{"))

    def test_bytes_and_files(self):
        path = os.path.join(self.folder, "rollout.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(ROLLOUT % "1.0.0")
        self.assertEqual(nipops.Document.load(path).to_json(), nipops.Document.parse((ROLLOUT % "1.0.0").encode()).to_json())

    def test_set(self):
        document = nipops.Document.parse(ROLLOUT % "1.0.0")
        document.set("/rollout/replicas", 5)
        document.set("/rollout/artifact", "'2.0'")
        self.assertEqual(document.to_dict()["rollout"]["replicas"], 5)
        self.assertEqual(document.to_dict()["rollout"]["artifact"], "2.0")
        with self.assertRaises(nipops.InvalidError):
            document.set("nowhere", "1")

    def test_what_is_no_document(self):
        with self.assertRaises(nipops.DocumentSyntaxError):
            nipops.Document.parse("a: [")
        with self.assertRaises(nipops.NipopsError):
            nipops.Document.parse("a: \0b")
        with self.assertRaises(nipops.LimitError):
            nipops.Document.parse("a: " + "x" * (5 << 20))
        with self.assertRaises(ValueError):
            nipops.Document.load("a\0b")
        with self.assertRaises(nipops.SystemCallError):
            nipops.Document.load(self.folder)

    def test_secrets_are_masked(self):
        text = "health: {targets: ['http://127.0.0.1:1/'], headers: {authorization: 'Bearer abcdef'}}"
        self.assertNotIn("abcdef", nipops.Document.parse(text).to_json())
