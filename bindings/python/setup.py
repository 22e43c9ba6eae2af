"""
Builds the wheel with the C library inside, as nipops/_lib/libnipops.so.0.

The library is $NIPOPS_LIBRARY when that is set, else built by meson from the clone around this folder. Where neither is there (an sdist
alone), the wheel is pure and the system's libnipops.so.0 is used at run time.
"""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build_py import build_py

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

CLONE = Path(__file__).resolve().parent.parent.parent
NAME = "libnipops.so.0"
OPTIONS = ["--buildtype=release", "-Dcli=disabled", "-Dtests=disabled", "-Dexamples=false"]


def in_clone():
    return (CLONE / "meson.build").exists() and (CLONE / "include" / "nipops.h").exists()


def bundles():
    return bool(os.environ.get("NIPOPS_LIBRARY")) or in_clone()


def copy_library(target):
    chosen = os.environ["NIPOPS_LIBRARY"]
    if not os.path.isfile(chosen):
        raise SystemExit("NIPOPS_LIBRARY must be the path of a built %s, but there is no file %s" % (NAME, os.path.abspath(chosen)))
    shutil.copyfile(chosen, target)


def build_library(target):
    with tempfile.TemporaryDirectory(prefix="nipops-build-") as folder:
        for tool in ("meson", "ninja"):
            if shutil.which(tool) is None:
                raise SystemExit("%s, which builds libnipops, was not found: install it, or set NIPOPS_LIBRARY to a built %s" % (tool, NAME))
        subprocess.run(["meson", "setup", folder, str(CLONE), *OPTIONS], check=True)
        subprocess.run(["ninja", "-C", folder], check=True)
        shutil.copyfile(Path(folder) / "libnipops" / NAME, target)


class BuildWithLibrary(build_py):
    """Puts the library beside the modules."""

    def run(self):
        super().run()
        target = Path(self.build_lib) / "nipops" / "_lib" / NAME
        if getattr(self, "editable_mode", False):
            return
        shutil.rmtree(target.parent, ignore_errors=True)
        if not bundles():
            return
        target.parent.mkdir(parents=True)
        if os.environ.get("NIPOPS_LIBRARY"):
            copy_library(target)
        else:
            build_library(target)


class WheelForAnyPython(bdist_wheel):
    """One wheel for all versions of Python; with the library inside, for this machine only."""

    def get_tag(self):
        _, _, platform = super().get_tag()
        return "py3", "none", platform if bundles() else "any"


class WithLibrary(Distribution):
    """What holds a library is not pure."""

    def has_ext_modules(self):
        return bundles()


setup(distclass=WithLibrary, cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": WheelForAnyPython})
