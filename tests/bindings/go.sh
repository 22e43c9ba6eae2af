#!/bin/sh
# The suite of the Go module, against the library of a build folder: formatting, vet, then the tests plain, with the race detector, and with every
# pointer that crosses to C checked.
# usage: go.sh SOURCE BUILD GO
set -eu
go=$3
export PKG_CONFIG_PATH="$2/meson-uninstalled" LD_LIBRARY_PATH="$2/libnipops"
export GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local CGO_ENABLED=1
cd "$1/bindings/go"
unformatted=$("$(dirname "$("$go" env GOROOT)/bin/go")/gofmt" -l .)
[ -z "$unformatted" ] || { echo "not as gofmt writes it: $unformatted"; exit 1; }
"$go" vet ./...
"$go" test ./...
"$go" test -race ./...
case $("$go" env GOVERSION) in
go1.19* | go1.20*) GODEBUG=cgocheck=2 "$go" test -count=1 ./... ;;
*) GOEXPERIMENT=cgocheck2 "$go" test ./... ;;
esac
