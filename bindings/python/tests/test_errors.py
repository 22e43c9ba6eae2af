"""Errors: one class for each code, everything copied, nothing lost on the way."""
import json
import pickle

import nipops
from nipops import _abi, errors
from nipops._calls import take_error

from .support import Case

BAD = """
rollout:
  app: shop
  replica: 3
  strategy: rolling
"""


def error_of(call, *arguments, **more):
    """What a call fails with."""
    try:
        call(*arguments, **more)
    except nipops.NipopsError as error:
        return error
    raise AssertionError("it did not fail")


class Classes(Case):
    def test_every_code_has_a_class(self):
        codes = {value for name, value in vars(_abi).items() if name.startswith("NIP_E_")}
        self.assertEqual(codes, set(errors.CLASSES))
        self.assertEqual(codes, set(_abi.ERROR_NAMES))
        self.assertEqual(len(set(errors.CLASSES.values())), len(codes))

    def test_every_class_is_public_and_one_of_pythons_own(self):
        for code, kind in errors.CLASSES.items():
            with self.subTest(kind.__name__):
                self.assertIs(getattr(nipops, kind.__name__), kind)
                self.assertTrue(issubclass(kind, nipops.NipopsError))
                own = kind.__bases__[1]
                self.assertEqual(own.__module__, "builtins")
                self.assertTrue(issubclass(own, Exception) and own is not Exception)
                self.assertEqual(kind("text").code, code)
                self.assertEqual("%s.%s" % (kind.__module__, kind.__qualname__), "nipops." + kind.__name__)
                self.assertTrue(kind.__doc__)

    def test_unknown_code(self):
        error = take_error(-99, None)
        self.assertIs(type(error), nipops.NipopsError)
        self.assertEqual((error.code, error.name), (-99, "NIP_E_UNKNOWN"))

    def test_no_error_object(self):
        self.assertIsInstance(take_error(_abi.NIP_E_HELD, None), nipops.HeldError)


class Fields(Case):
    def test_all_problems_of_a_document(self):
        error = error_of(nipops.Document.parse(BAD, "bad.yaml").check)
        self.assertIsInstance(error, nipops.DocumentError)
        self.assertIsInstance(error, ValueError)
        self.assertGreater(len(error.problems), 1)
        problem = [problem for problem in error.problems if "replica\"" in problem.message][0]
        self.assertEqual((problem.file, problem.line, problem.column), ("bad.yaml", 4, 3))
        self.assertIn("replicas", problem.message)
        self.assertIs(type(problem), nipops.DocumentError)
        told = json.loads(error.to_json())["problems"]
        self.assertEqual([json.loads(problem.to_json()) for problem in error.problems], [{"v": 1, **problem, "causes": []} for problem in told])

    def test_plain_error(self):
        error = error_of(nipops.parse_time, "nonsense")
        self.assertEqual((error.code, error.name, error.retryable), (_abi.NIP_E_INVALID, "NIP_E_INVALID", False))
        self.assertEqual(error.problems, (error,))
        self.assertEqual((error.file, error.path, error.line, error.http_status, error.os_errno), (None, None, 0, 0, 0))
        self.assertEqual(str(error), error.message)
        self.assertNotIn("\n", error.message)

    def test_errno(self):
        error = error_of(nipops.Document.load, self.folder + "/none.yaml")
        self.assertIsInstance(error, OSError)
        self.assertEqual((error.os_errno, error.errno), (2, 2))

    def test_pickling(self):
        error = error_of(nipops.Document.parse(BAD, "bad.yaml").check)
        error.__cause__ = nipops.HeldError("held", retryable=True)
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            again = pickle.loads(pickle.dumps(error, protocol))
            self.assertIs(type(again), type(error))
            self.assertEqual((again.message, again.code, again.to_json()), (error.message, error.code, error.to_json()))
            self.assertEqual([problem.path for problem in again.problems], [problem.path for problem in error.problems])
            self.assertTrue(again.__cause__.retryable)
        oserror = error_of(nipops.Document.load, self.folder + "/none.yaml")
        again = pickle.loads(pickle.dumps(oserror))
        self.assertEqual((again.os_errno, again.errno), (2, 2))

    def test_made_by_hand(self):
        error = nipops.NotFoundError("gone")
        self.assertEqual(json.loads(error.to_json())["name"], "NIP_E_NOTFOUND")
        with self.assertRaises(LookupError):
            raise error
