"""Packaging, without a network: the wheel with its library, the sdist without; each installed and imported from elsewhere."""
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

import nipops
from nipops import _abi

from .support import PACKAGE, ROOT

IMPORT = "import nipops, sys; nipops.Context(); print(nipops.__file__, nipops.library_version()); print(nipops._library._place()[0])"
LIBRARY = os.environ.get("NIPOPS_LIBRARY", "")
LOADABLE = "asan" not in os.environ.get("LD_PRELOAD", "")  # a sanitized library is packed as well, but wants more than an import


def has(*modules):
    return subprocess.run([sys.executable, "-c", "import " + ", ".join(modules)], capture_output=True).returncode == 0


@unittest.skipUnless((PACKAGE / "setup.py").exists() and has("setuptools", "wheel", "pip", "ensurepip"),
                     "needs the sources, setuptools, wheel, pip and venv")
class Packaging(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="nipops-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.clone = cls.folder / "clone"
        cls.copy_clone()

    @classmethod
    def copy_clone(cls):
        """The clone by links, the Python sources copied, so that building leaves nothing in them."""
        (cls.clone / "bindings").mkdir(parents=True)
        ignore = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__", "_lib")
        shutil.copytree(PACKAGE, cls.clone / "bindings" / "python", ignore=ignore)
        for name in ("meson.build", "meson_options.txt", "libnipops", "include", "pkgconfig"):
            if (ROOT / name).exists():
                (cls.clone / name).symlink_to(ROOT / name)

    def run_python(self, *arguments, python=sys.executable, cwd=None, **environment):
        kept = {name: value for name, value in os.environ.items() if name not in ("NIPOPS_LIBRARY", "PYTHONPATH", "LD_PRELOAD")}
        result = subprocess.run([python, *arguments], env={**kept, **environment}, cwd=cwd or self.folder, stdin=subprocess.DEVNULL,
                                capture_output=True, text=True)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        return result.stdout

    def wheel_of(self, source, **environment):
        """Builds a wheel offline; gives its path."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        self.run_python("-m", "pip", "--disable-pip-version-check", "wheel", "--no-index", "--no-build-isolation", "--no-deps", "-w",
                        str(place), str(source), **environment)
        wheels = list(place.iterdir())
        self.assertEqual(len(wheels), 1)
        return wheels[0]

    def installed_says(self, wheel, **environment):
        """Installs a wheel into an environment of its own, and imports it from another folder."""
        place = Path(tempfile.mkdtemp(dir=self.folder))
        venv.create(place, with_pip=False, system_site_packages=True)
        python = str(place / "bin" / "python")
        self.run_python("-m", "pip", "--disable-pip-version-check", "install", "--no-index", "--no-deps", "--ignore-installed", "--prefix",
                        str(place), str(wheel), python=python)
        file, version, library = self.run_python("-W", "error", "-c", IMPORT, python=python, cwd="/", **environment).split()
        self.assertIn(str(place), file)
        self.assertEqual(version, nipops.__version__)
        return library

    def test_wheel_with_a_given_library(self):
        if not LIBRARY:
            self.skipTest("NIPOPS_LIBRARY is not set")
        wheel = self.wheel_of(self.clone / "bindings" / "python", NIPOPS_LIBRARY=LIBRARY)
        self.assertRegex(wheel.name, r"^nipops-%s-py3-none-linux_\w+\.whl$" % nipops.__version__)
        with zipfile.ZipFile(wheel) as archive:
            names = set(archive.namelist())
        self.assertTrue({"nipops/_lib/libnipops.so.0", "nipops/py.typed", "nipops/_abi.py"} <= names)
        self.assertFalse([name for name in names if "test" in name])
        if LOADABLE:
            self.assertIn("/nipops/_lib/", self.installed_says(wheel))

    @unittest.skipUnless((ROOT / "meson.build").exists() and shutil.which("meson") and LOADABLE, "needs a clone and meson")
    def test_wheel_from_a_clone(self):
        wheel = self.wheel_of(self.clone / "bindings" / "python", CFLAGS="-O0")  # quickly: the packaging is what is tested
        self.assertRegex(wheel.name, r"-py3-none-linux_\w+\.whl$")
        print("\n%s: %.1f MiB" % (wheel.name, wheel.stat().st_size / 2**20), flush=True)
        self.assertIn("/nipops/_lib/", self.installed_says(wheel))

    def test_what_is_missing_is_named(self):
        for environment, expected in (({"NIPOPS_LIBRARY": "/nowhere/libnipops.so.0"}, "there is no file /nowhere/libnipops.so.0"),
                                      ({"PATH": self.folder}, "meson, which builds libnipops, was not found")):
            kept = {name: value for name, value in os.environ.items() if name not in ("NIPOPS_LIBRARY", "LD_PRELOAD")}
            result = subprocess.run([sys.executable, "setup.py", "-q", "build", "-b", tempfile.mkdtemp(dir=self.folder)], env={**kept, **environment},
                                    cwd=self.clone / "bindings" / "python", stdin=subprocess.DEVNULL, capture_output=True, text=True)
            self.assertEqual(result.returncode, 1)
            self.assertIn(expected, result.stderr)

    def test_sdist(self):
        place = Path(tempfile.mkdtemp(dir=self.folder))
        build = "import setuptools.build_meta as backend, sys; backend.build_sdist(sys.argv[1])"
        self.run_python("-c", build, str(place), cwd=self.clone / "bindings" / "python")
        source = place / ("nipops-%s.tar.gz" % nipops.__version__)
        with tarfile.open(source) as archive:
            names = archive.getnames()
        self.assertTrue([name for name in names if name.endswith("/README.md")])
        self.assertFalse([name for name in names if ".so" in name])
        wheel = self.wheel_of(source)
        self.assertEqual(wheel.name, "nipops-%s-py3-none-any.whl" % nipops.__version__)
        if LIBRARY and LOADABLE:
            system = Path(tempfile.mkdtemp(dir=self.folder))
            shutil.copyfile(LIBRARY, system / "libnipops.so.0")
            self.assertEqual(self.installed_says(wheel, LD_LIBRARY_PATH=str(system)), "libnipops.so.0")

    def test_one_version(self):
        header = (ROOT / "include" / "nipops" / "base.h")
        if not header.exists():
            self.skipTest("not in a clone")
        text = header.read_text(encoding="utf-8")
        for part, number in zip(("MAJOR", "MINOR", "PATCH"), _abi.VERSION.split(".")):
            self.assertIn("#define NIP_VERSION_%s %s\n" % (part, number), text)
