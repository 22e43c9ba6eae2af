"""Finding the library, and the tables that were made from its headers."""
import ctypes
import inspect
import os
import subprocess
import sys

import nipops
from nipops import _abi

from .support import PACKAGE, PATIENCE, ROOT, Case


class Loading(Case):
    def load(self, script="import nipops", **environment):
        """What importing says under this environment."""
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), **environment}
        return subprocess.run([sys.executable, "-B", "-c", script], env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE)

    def refused(self, *texts, **more):
        result = self.load(**more)
        self.assertNotEqual(result.returncode, 0)
        last = result.stderr.strip().splitlines()[-1]
        self.assertTrue(last.startswith("ImportError: nipops %s needs libnipops" % nipops.__version__), last)
        for text in texts:
            self.assertIn(text, last)

    def test_no_such_file(self):
        self.refused("/nowhere/libnipops.so.0", "NIPOPS_LIBRARY", NIPOPS_LIBRARY="/nowhere/libnipops.so.0")

    def test_not_nipops(self):
        self.refused("is not libnipops", NIPOPS_LIBRARY="libc.so.6")

    def test_another_version(self):
        script = "import importlib.util, sys\nimport os\nsys.path.insert(0, os.environ['PYTHONPATH'])\n" \
                 "spec = importlib.util.spec_from_file_location('nipops._abi', os.environ['PYTHONPATH'] + '/nipops/_abi.py')\n" \
                 "abi = importlib.util.module_from_spec(spec)\nspec.loader.exec_module(abi)\nabi.VERSION = '%s'\n" \
                 "sys.modules['nipops._abi'] = abi\nimport nipops"
        result = self.load(script % "0.9.0")
        self.assertIn("is version " + nipops.library_version(), result.stderr)
        self.assertEqual(self.load(script % "0.1.7").returncode, 0)  # a patch may differ

    def test_another_working_directory_and_locale(self):
        result = self.load("import os; os.chdir('/'); import nipops; nipops.Context(); print('fine')", LC_ALL="de_DE.UTF-8",
                           TZ="Pacific/Chatham")
        self.assertEqual((result.returncode, result.stdout), (0, "fine\n"), result.stderr)


class Tables(Case):
    def test_version(self):
        self.assertEqual(nipops.__version__, nipops.library_version())
        self.assertEqual(nipops.__version__, "%d.%d.%d" % (_abi.NIP_VERSION_MAJOR, _abi.NIP_VERSION_MINOR, _abi.NIP_VERSION_PATCH))

    def test_constants(self):
        for name, value in vars(_abi).items():
            if name.startswith("NIP_"):
                self.assertEqual(nipops.constant(name), value, name)
        with self.assertRaises(nipops.NotFoundError):
            nipops.constant("NIP_NONSENSE")

    def test_structures_have_the_size_of_c(self):
        pointer = ctypes.sizeof(ctypes.c_void_p)
        self.assertEqual(ctypes.sizeof(_abi.nip_clock), 6 * pointer)
        self.assertEqual(ctypes.sizeof(_abi.nip_driver_vtable), 8 * pointer)
        self.assertEqual(ctypes.sizeof(_abi.nip_split), 16)

    def test_files_are_what_the_headers_say(self):
        if not (ROOT / "include" / "nipops.h").exists():
            self.skipTest("not in a clone")
        if subprocess.run([sys.executable, "-c", "import pycparser"], capture_output=True).returncode != 0:
            self.skipTest("pycparser is not installed")
        result = subprocess.run([sys.executable, "-B", str(ROOT / "bindings" / "generate.py"), "--check"], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_every_name_is_a_public_one(self):
        self.assertEqual(sorted(set(nipops._HOME_OF) - set(nipops.__all__)), [])
        self.assertEqual(len(nipops.__all__), len(set(nipops.__all__)))

    def test_all_public_names_are_there_and_described(self):
        for name in nipops.__all__:
            thing = getattr(nipops, name)
            if isinstance(thing, type) or inspect.isfunction(thing):
                self.assertTrue(thing.__doc__, name)
            for member in vars(thing) if isinstance(thing, type) else ():
                value = inspect.getattr_static(thing, member)
                if isinstance(value, (property, classmethod, staticmethod)) or inspect.isfunction(value):
                    described = getattr(value, "__func__", value).__doc__
                    self.assertTrue(described or member.startswith("_"), "%s.%s" % (name, member))


