#!/bin/sh
# The library as a packager and a stranger meet it: what is built, installed below a folder and found there through pkg-config, from C and C++; used
# uninstalled; built as a meson subproject, all static; loaded and unloaded twice.
# usage: install.sh SOURCE BUILD
set -eu
source=$1 build=$2
folder=$(mktemp -d "${TMPDIR:-/tmp}/nipops-install.XXXXXX")
trap 'rm -rf "$folder"' EXIT
here=$source/tests/install
. "$here/report.sh"
. "$here/consumers.sh"

# option NAME: how the build is set up.
option() {
    meson introspect --buildoptions "$build" |
        /usr/bin/python3 -c 'import json, sys; print({o["name"]: o["value"] for o in json.load(sys.stdin)}[sys.argv[1]])' "$1"
}

quietly env DESTDIR="$folder/root" meson install -C "$build" --no-rebuild
prefix=$folder/root$(option prefix)
lib=$prefix/$(option libdir)
there "$prefix/include/nipops.h" "$prefix/include/nipops/rollout.h" "$lib/libnipops.so" "$lib/libnipops.so.0" "$lib/pkgconfig/nipops.pc" \
    "$prefix/bin/nipops" "$prefix/share/man/man1/nipops.1" "$prefix/share/man/man5/nipops-documents.5" \
    "$prefix/share/bash-completion/completions/nipops.bash" "$prefix/share/zsh/site-functions/_nipops" \
    "$prefix/share/fish/vendor_completions.d/nipops.fish" "$prefix/lib/systemd/system/nipops-resume.timer"
[ "$(ls "$prefix/include/nipops" | wc -l)" = "$(ls "$source/include/nipops" | wc -l)" ] || {
    echo "not every header is installed"
    exit 1
}
ok "everything is in its place"

export PKG_CONFIG_PATH="$lib/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$folder/root" LD_LIBRARY_PATH="$lib"
build_consumers
[ "$(pkg-config --variable=abi nipops)" = 0 ]
quietly "$prefix/bin/nipops" --version
ok "the installed command"
unset PKG_CONFIG_SYSROOT_DIR

# shellcheck disable=SC2046
(
    export PKG_CONFIG_PATH="$build/meson-uninstalled"
    quietly cc "$here/consumer.c" $(pkg-config --cflags --libs nipops) -o "$folder/uninstalled"
)
quietly env LD_LIBRARY_PATH="$build/libnipops" "$folder/uninstalled"
ok "uninstalled through pkg-config"
unset PKG_CONFIG_PATH LD_LIBRARY_PATH

# Not optimized: nothing here is about speed.
mkdir -p "$folder/project/subprojects"
ln -s "$source" "$folder/project/subprojects/libnipops"
cp "$here/consumer.c" "$folder/project/"
cat >"$folder/project/meson.build" <<'MESON'
project('consumer', 'c', default_options: ['default_library=static', 'optimization=0', 'debug=false'])
libnipops = subproject('libnipops', default_options: ['tests=disabled', 'examples=false'])
test('runs', executable('consumer', 'consumer.c', dependencies: dependency('nipops')))
MESON
quietly meson setup "$folder/project/build" "$folder/project"
quietly ninja -C "$folder/project/build"
quietly meson test -C "$folder/project/build" --no-rebuild runs
quietly "$folder/project/build/subprojects/libnipops/bindings/cli/nipops" --version
[ ! -e "$folder/project/build/subprojects/libnipops/libnipops/libnipops.so.0" ]
ok "a static build, as a meson subproject"

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
