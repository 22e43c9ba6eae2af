#!/bin/sh
# Builds the runner in Go against a build folder of the library, with nothing from the network: build_go.sh GO BUILD-FOLDER OUTPUT
set -eu
build=$(cd "$2" && pwd)
output=$(cd "$(dirname "$3")" && pwd)/$(basename "$3")
cd "$(dirname "$0")/go"
export GOPROXY=off GOTOOLCHAIN=local GOFLAGS=-mod=mod GOWORK=off PKG_CONFIG_PATH="$build/meson-uninstalled"
exec "$1" build -o "$output" .
