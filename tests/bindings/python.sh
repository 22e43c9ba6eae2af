#!/bin/sh
# The suite of the Python package, against the library of a build folder, with every warning an error.
# usage: python.sh SOURCE BUILD
set -eu
export NIPOPS_LIBRARY="$2/libnipops/libnipops.so.0" PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-/usr/bin/python3}" -X dev -W error -m unittest discover -s "$1/bindings/python/tests" -t "$1/bindings/python"
