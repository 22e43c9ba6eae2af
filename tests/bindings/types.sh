#!/bin/sh
# The Python package's types, as its users' mypy sees them, by the oldest Python that it runs on and by this one.
# usage: types.sh SOURCE
set -eu
cd "$1/bindings/python"
for version in 3.9 3.11; do
    /usr/bin/mypy --strict --no-incremental --cache-dir=/dev/null --python-version "$version" nipops
done
