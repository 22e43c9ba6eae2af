#!/bin/sh
# The Debian packages: built from a copy of the tree, looked at by lintian, and installed, used and purged in a root of their own: the machine's with
# everything that is written kept in memory. Where the kernel allows no such root (a container), the machine itself, which is left as it was.
# usage: package.sh SOURCE
set -eu
source=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/nipops-package.XXXXXX")
trap 'rm -rf "$folder"' EXIT
here=$source/tests/install
. "$here/report.sh"
. "$source/tests/support/packages.sh"

# Not optimized, unless there is time: the packaging is what is tested.
[ -n "${NIPOPS_LONG:-}" ] || export DEB_BUILD_OPTIONS="noopt nocheck"
mkdir "$folder/source"
tar -C "$source" --exclude='./build*' --exclude=./.git -cf - . | tar -C "$folder/source" -xf -
(cd "$folder/source" && quietly dpkg-buildpackage -us -uc -b)
ok "the packages are built"

quietly lintian --allow-root --fail-on error "$folder"/*.changes
ok "lintian finds no errors"

smoke=$folder/smoke
mkdir "$smoke"
cp "$folder"/*.deb "$here/report.sh" "$here/consumers.sh" "$here/consumer.c" "$here/smoke.sh" "$smoke/"
rm -f "$smoke"/*-dbgsym_*
if as_root sh "$here/scratch.sh" "$folder" true 2>"$folder/log"; then
    as_root sh "$here/scratch.sh" "$folder" sh "$smoke/smoke.sh"
else
    echo "no root of their own ($(tail -1 "$folder/log")): on this machine itself"
    as_root sh "$smoke/smoke.sh"
fi
ok "installed, used and purged"
echo "$passed passed, 0 failed"
