#!/bin/sh
# Runs this package's tests against a C library with AddressSanitizer, and looks for leaked C memory at their end.
# Usage: sanitized.sh BUILD [FLAG OF GO TEST ...], where BUILD was made by: meson setup BUILD -Db_sanitize=address,undefined -Db_lundef=false
set -eu
build=$(cd "$1" && pwd)
shift
cd "$(dirname "$0")"
export PKG_CONFIG_PATH="$build/meson-uninstalled" LD_LIBRARY_PATH="$build/libnipops"
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
export ASAN_OPTIONS="detect_leaks=1${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
exec "${GO:-go}" test -asan -tags nipops_sanitized -count=1 "$@" .
