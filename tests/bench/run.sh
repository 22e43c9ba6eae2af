#!/bin/sh
# Measures the library against its peers: prints one table and writes docs/performance.md. Goals that are missed are
# named as missed; the exit status only says whether everything could be measured.
#
#   sh tests/bench/run.sh              7 rounds
#   sh tests/bench/run.sh sweep        only the rows of health sweeps; "rest": only the others
#   ROUNDS=9 sh tests/bench/run.sh     at least 5 make sense
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
. tests/support/packages.sh

# shellcheck disable=SC2086 # a list of names
install_missing $build_packages binutils python3 python3-numpy python3-requests python3-yaml strace \
    nginx-light openssl prometheus-blackbox-exporter util-linux wrk

build=build-bench
programs=$build/programs
mkdir -p "$build"
{
    [ -f "$build/build.ninja" ] || meson setup "$build" -Dtests=disabled -Dexamples=false
    ninja -C "$build" all libnipops/libnipops-internal.a
} >"$build/build.log" 2>&1 || {
    tail -n 50 "$build/build.log"
    exit 1
}
mkdir -p "$programs"

# compile NAME FLAG...: one program.
compile() {
    name=$1
    shift
    cc -std=c11 -O2 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Iinclude \
        "tests/bench/$name.c" -o "$programs/$name" "$@"
}

# shellcheck disable=SC2046,SC2086 # flags
{
    shared="-L$build/libnipops -l:libnipops.so.0 -Wl,-rpath,$top/$build/libnipops"
    compile machine $shared $(pkg-config --cflags --libs libsodium)
    compile histogram $shared -lm
    compile plan $shared $(pkg-config --cflags --libs libcjson)
    compile yaml $shared $(pkg-config --cflags --libs yaml-0.1)
    compile load -rdynamic
    compile sweep $shared $(pkg-config --cflags --libs libcjson)
    compile sweep_server
    compile sweep_peers $(pkg-config --cflags --libs libcurl libcjson)
    inside="-Ilibnipops $build/libnipops/libnipops-internal.a -lm -pthread $(pkg-config --libs libpq 2>/dev/null)"
    inside="$inside $(pkg-config --cflags --libs libcurl yaml-0.1 sqlite3 libsodium libpcre2-8)"
    compile journal $inside
    compile burn $inside
    compile matrix $inside $(pkg-config --cflags --libs libcjson)
}

# compile_go: the Go binding's programs; without Go their rows say "not measured".
compile_go() {
    (
        cd tests/bench/go
        PKG_CONFIG_PATH="$top/$build/meson-uninstalled" GOFLAGS= GOPROXY=off GOTOOLCHAIN=local \
            go build -o "$top/$programs/bench_go" .
    )
    go build -o "$programs/sweep_peer" tests/bench/sweep_peer.go
    install_missing golang-gopkg-yaml.v3-dev || return 0
    [ -d /usr/share/gocode/src/gopkg.in/yaml.v3 ] || return 0
    GO111MODULE=off GOPATH=/usr/share/gocode go build -o "$programs/yaml_peer" tests/bench/yaml_peer.go
}

rm -f "$programs/bench_go" "$programs/yaml_peer" "$programs/sweep_peer"
if command -v go >/dev/null 2>&1; then
    compile_go
fi

exec /usr/bin/python3 tests/bench/table.py "$build" "$programs" "$build/scratch" docs/performance.md "$@"
