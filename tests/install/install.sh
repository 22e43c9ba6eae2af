#!/bin/sh
# The library as a packager and a stranger meet it: installed into an empty prefix, found through pkg-config, linked shared and static, from C and C++;
# used uninstalled; used as a meson subproject; loaded and unloaded twice.
# usage: install.sh SOURCE
set -eu
source=$1
folder=$(mktemp -d "${TMPDIR:-/tmp}/nipops-install.XXXXXX")
trap 'rm -rf "$folder"' EXIT
passed=0

ok() {
    passed=$((passed + 1))
    echo "ok: $1"
}

quietly() {
    "$@" >"$folder/log" 2>&1 || {
        echo "failed: $*"
        tail -40 "$folder/log"
        exit 1
    }
}

quietly meson setup "$folder/build" "$source" --prefix "$folder/prefix" --libdir lib -Ddefault_library=both -Dtests=disabled -Dexamples=false
quietly ninja -C "$folder/build"
quietly meson install -C "$folder/build"
lib=$folder/prefix/lib
for file in include/nipops.h include/nipops/rollout.h lib/libnipops.so lib/libnipops.so.0 lib/libnipops.a lib/pkgconfig/nipops.pc bin/nipops; do
    [ -e "$folder/prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
ok "everything is in its place"

export PKG_CONFIG_PATH="$lib/pkgconfig"
here=$source/tests/install
# shellcheck disable=SC2046 # flags are words
{
    quietly cc -std=c99 -pedantic -Wall -Wextra -Werror "$here/consumer.c" $(pkg-config --cflags --libs nipops) -o "$folder/shared"
    quietly env LD_LIBRARY_PATH="$lib" "$folder/shared"
    ok "C99 through pkg-config"
    quietly c++ -std=c++17 -x c++ -Wall -Wextra -Werror "$here/consumer.c" $(pkg-config --cflags --libs nipops) -o "$folder/cpp"
    quietly env LD_LIBRARY_PATH="$lib" "$folder/cpp"
    ok "C++17 through pkg-config"
    quietly cc "$here/consumer.c" $(pkg-config --cflags nipops) "$lib/libnipops.a" \
        $(pkg-config --libs $(pkg-config --print-requires-private nipops)) -lm -pthread -o "$folder/static"
    quietly "$folder/static"
    ok "the static library"
}
[ "$(pkg-config --variable=abi nipops)" = 0 ]
quietly env LD_LIBRARY_PATH="$lib" "$folder/prefix/bin/nipops" --version
ok "the installed command"

# shellcheck disable=SC2046
(
    export PKG_CONFIG_PATH="$folder/build/meson-uninstalled"
    quietly cc "$here/consumer.c" $(pkg-config --cflags --libs nipops) -o "$folder/uninstalled"
)
quietly env LD_LIBRARY_PATH="$folder/build/libnipops" "$folder/uninstalled"
ok "uninstalled through pkg-config"

mkdir -p "$folder/project/subprojects"
ln -s "$source" "$folder/project/subprojects/libnipops"
cp "$here/consumer.c" "$folder/project/"
cat >"$folder/project/meson.build" <<'MESON'
project('consumer', 'c')
libnipops = subproject('libnipops', default_options: ['tests=disabled', 'examples=false', 'cli=disabled'])
test('runs', executable('consumer', 'consumer.c', dependencies: dependency('nipops')))
MESON
quietly meson setup "$folder/project/build" "$folder/project"
quietly ninja -C "$folder/project/build"
quietly meson test -C "$folder/project/build" runs
ok "a meson subproject"

quietly /usr/bin/python3 - "$lib/libnipops.so.0" <<'PYTHON'
import _ctypes, ctypes, sys
for _ in range(2):
    handle = _ctypes.dlopen(sys.argv[1], 2)
    lib = ctypes.CDLL(None, handle=handle)
    lib.nip_version.restype = ctypes.c_char_p
    assert lib.nip_version().count(b".") == 2
    _ctypes.dlclose(handle)
PYTHON
ok "loaded and unloaded twice"
echo "$passed passed, 0 failed"
