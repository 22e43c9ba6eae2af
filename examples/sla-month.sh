#!/bin/sh
# A month of a shop, from a real Prometheus to the report of its service levels: two outages, announced maintenance, and a hole in the data. docs/sla.md
# works the same figures out by hand. Installs and builds what is missing; leaves nothing running and nothing behind.
#
# usage: sla-month.sh [FOLDER]     FOLDER: where report.json, report.html and certificates.json are kept (default: they are not)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
build=${NIPOPS_BUILD:-$top/build}
kept=${1:-}
. "$top/tests/support/packages.sh"

# ---- what is missing ----

# shellcheck disable=SC2086 # lists of names
install_missing $build_packages $example_packages prometheus
mkdir -p "$build"
[ -f "$build/build.ninja" ] || meson setup "$build" "$top" -Dtests=disabled >"$build/sla-month.log" 2>&1 || {
    cat "$build/sla-month.log" >&2
    exit 1
}
ninja -C "$build" bindings/cli/nipops >"$build/sla-month.log" 2>&1 || {
    cat "$build/sla-month.log" >&2
    exit 1
}

# ---- the scene ----

folder=$(mktemp -d "${TMPDIR:-/tmp}/nipops-sla-month.XXXXXX")
prometheus_pid=

cleanup() {
    [ -z "$prometheus_pid" ] || kill "$prometheus_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

nipops() {
    "$build/bindings/cli/nipops" "$@" --store "$folder/journal.db"
}

say() {
    printf '\n==> %s\n' "$*"
}

say "a Prometheus with March 2026 in it"
/usr/bin/python3 "$here/sla-month/month.py" openmetrics >"$folder/month.om"
promtool tsdb create-blocks-from openmetrics --max-block-duration=1000h "$folder/month.om" "$folder/data" >"$folder/promtool.log" 2>&1 || {
    cat "$folder/promtool.log" >&2
    exit 1
}
rm "$folder/month.om"
echo "{}" >"$folder/prometheus.yml"
port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" --storage.tsdb.retention.time=10y \
    --web.listen-address="127.0.0.1:$port" >"$folder/prometheus.log" 2>&1 &
prometheus_pid=$!
tries=0
until /usr/bin/python3 -c 'import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=5)' "http://127.0.0.1:$port/-/ready" 2>/dev/null; do
    tries=$((tries + 1))
    if [ "$tries" -ge 300 ] || ! kill -0 "$prometheus_pid" 2>/dev/null; then
        cat "$folder/prometheus.log" >&2
        exit 1
    fi
    sleep 0.2
done
sed "s|http://127.0.0.1:9090|http://127.0.0.1:$port|" "$here/sla-month/sla.yaml" >"$folder/sla.yaml"

say "nipops sla collect sla.yaml --period 2026-03"
nipops sla collect "$folder/sla.yaml" --period 2026-03

say "nipops sla exclude sla.yaml --begin 2026-03-08T01:00:00Z --end 2026-03-08T03:00:00Z --reason \"new disks\""
nipops sla exclude "$folder/sla.yaml" --begin 2026-03-08T01:00:00Z --end 2026-03-08T03:00:00Z --id disks --by ann --reason "new disks"

say "nipops sla report sla.yaml --period 2026-03"
nipops sla report "$folder/sla.yaml" --period 2026-03

if [ -n "$kept" ]; then
    mkdir -p "$kept"
    nipops sla report "$folder/sla.yaml" --period 2026-03 --json --html "$kept/report.html" >"$kept/report.json"
    nipops sla certificate "$folder/sla.yaml" --period 2026-03 >"$kept/certificates.json"
fi
