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

    def test_any_name_of_a_file(self):
        path = os.fsencode(self.folder) + b"/a\xffb.yaml"
        with open(path, "w", encoding="utf-8") as file:
            file.write(ROLLOUT % "1.0.0")
        self.assertEqual(nipops.Document.load(os.fsdecode(path)).subject, "shop")
        for wrong, kind in ((self.folder + "/a\0b", ValueError), (5, TypeError), (None, TypeError)):
            with self.assertRaises(kind):
                nipops.Document.load(wrong)

    def test_set(self):
        document = nipops.Document.parse(ROLLOUT % "1.0.0")
        document.set("/rollout/replicas", 5)
        self.assertEqual(document.to_dict()["rollout"]["replicas"], 5)
        with self.assertRaises(nipops.InvalidError):
            document.set("nowhere", "1")
        for wrong in ({}, [1], b"x"):
            with self.assertRaises(TypeError):
                document.set("/rollout/replicas", wrong)
        for wrong in (float("nan"), "a\0b", "\ud800"):
            with self.assertRaises(ValueError):
                document.set("/rollout/replicas", wrong)

    def test_set_keeps_what_a_value_is(self):
        document = nipops.Document.parse("{}")
        texts = ["1.30", "6", "true", "null", "", " a ", "'x'", '"x"', "\\", "a: b", "- c", "#d", "&e", "~", "{", "two\nlines\t",
                 "\x7f\x01\x85\u2028\ufeffä", "\U0001f600"]
        for value in (*texts, 6, -1, 1.5, True, False, None):
            with self.subTest(value):
                document.set("/value", value)
                found = document.to_dict()["value"]
                self.assertEqual((type(found), found), (type(value), value))

    def test_set_scalar(self):
        document = nipops.Document.parse("{}")
        for text, value in (("6", 6), ("1.30", 1.3), ("'1.30'", "1.30"), ("yes", "yes"), ("true", True), ("", None), ("a: b", "a: b")):
            with self.subTest(text):
                document.set_scalar("/value", text)
                self.assertEqual(document.to_dict()["value"], value)
        with self.assertRaises(nipops.InvalidError):
            document.set_scalar("/value", "'")

    def test_subject(self):
        for text, subject in ((ROLLOUT % "1", "shop"), ("app: shop\nstrategy: rolling\n", "shop"), ("rollout: 1", None), ("- 1", None),
                              ("app: 1", None), ("rollout: {app: a}\napp: b", "a"), ("health: {targets: []}", None)):
            with self.subTest(text):
                self.assertEqual(nipops.Document.parse(text).subject, subject)

    def test_a_list_is_no_dict(self):
        document = nipops.Document.parse("- 1")
        self.assertEqual(document.to_json(), "[1]")
        with self.assertRaises(nipops.DocumentError):
            document.to_dict()

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
