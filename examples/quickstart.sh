#!/bin/sh
# The main job from beginning to end, on this machine and for real: an app of three processes behind HAProxy, users who send 200 requests
# a second, and five changes to production. Installs and builds what is missing; leaves nothing running and nothing behind.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
build=${NIPOPS_BUILD:-$top/build}
. "$top/tests/support/packages.sh"

# ---- what is missing ----

# shellcheck disable=SC2086 # lists of names
install_missing $build_packages $example_packages
mkdir -p "$build"
[ -f "$build/build.ninja" ] || meson setup "$build" "$top" -Dtests=disabled >"$build/quickstart.log" 2>&1 || {
    cat "$build/quickstart.log" >&2
    exit 1
}
ninja -C "$build" bindings/cli/nipops >"$build/quickstart.log" 2>&1 || {
    cat "$build/quickstart.log" >&2
    exit 1
}

# ---- the scene ----

folder=$(mktemp -d "${TMPDIR:-/tmp}/nipops-quickstart.XXXXXX")
mkdir "$folder/pids"
haproxy_pid= load_pid=

cleanup() {
    [ -z "$load_pid" ] || kill "$load_pid" 2>/dev/null || true
    for mark in "$folder"/pids/*; do
        [ ! -e "$mark" ] || kill "${mark##*/}" 2>/dev/null || true
    done
    [ -z "$haproxy_pid" ] || kill "$haproxy_pid" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Two numbers: a free port, and the first of 40 free ones in a row.
ports=$(/usr/bin/python3 - <<'PYTHON'
import random, socket

def free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False

first = next(p for p in iter(lambda: random.randrange(12000, 30000), None) if all(free(p + i) for i in range(41)))
print(first + 40, first)
PYTHON
)
port=${ports% *} first=${ports#* }

fill_in() {
    sed -e "s|@folder@|$folder|g" -e "s|@example@|$here/quickstart|g" -e "s|@port@|$port|g" \
        -e "s|@ports@|$first-$((first + 39))|g" "$here/quickstart/$1" >"$folder/$1"
}
fill_in haproxy.cfg
fill_in rollout.yaml
: >"$folder/server-state"

haproxy -q -db -f "$folder/haproxy.cfg" 2>"$folder/haproxy.log" &
haproxy_pid=$!
until [ -S "$folder/haproxy.sock" ]; do
    kill -0 "$haproxy_pid" 2>/dev/null || {
        cat "$folder/haproxy.log" >&2
        exit 1
    }
    sleep 0.1
done

# ---- helpers ----

nipops() {
    "$build/bindings/cli/nipops" "$@" --store "$folder/nipops.db"
}

title() {
    printf '\n== %s\n' "$*"
}

# The users' counts so far: requests and failures.
counts() {
    /usr/bin/python3 -c 'import json, sys; c = json.load(open(sys.argv[1])); print(c["requests"], c["failed"])' "$folder/counts"
}

# expect STATUS COMMAND...: runs it, says what users saw meanwhile.
expect() {
    wanted=$1
    shift
    before=$(counts)
    status=0
    "$@" || status=$?
    sleep 0.4 # the counts are written every 0.2 s
    after=$(counts)
    failed=$((${after#* } - ${before#* }))
    echo "users meanwhile: $((${after% *} - ${before% *})) requests, $failed failed"
    [ "$status" = "$wanted" ] || {
        echo "quickstart: exit status $status where $wanted was expected" >&2
        exit 1
    }
}

# ---- five changes ----

title "the first release: shop 1.0.0, three instances behind HAProxy"
nipops rollout "$folder/rollout.yaml"
/usr/bin/python3 "$here/quickstart/load.py" --port "$port" --counts "$folder/counts" &
load_pid=$!
until [ -f "$folder/counts" ]; do sleep 0.1; done

title "1.1.0 as a canary: 10, 25, 50, 100 % while its error rate stays below 1 %"
expect 0 nipops rollout "$folder/rollout.yaml" --image-tag 1.1.0
[ "$failed" = 0 ] || { echo "quickstart: a good release must cost no request" >&2; exit 1; }

title "1.2.0 as a canary: healthy by its health check, and wrong for three users of ten"
: >"$folder/fault-1.2.0"
expect 1 nipops rollout "$folder/rollout.yaml" --image-tag 1.2.0
caught=$failed

title "1.3.0 by blue-green: all at once, watched; 1.1.0 is held"
expect 0 nipops rollout "$folder/rollout.yaml" --image-tag 1.3.0 --strategy blue_green

title "and back: 1.1.0 still runs, so this takes a moment"
expect 0 nipops rollback shop

# ---- what remains ----

title "what the journal says"
nipops list
nipops journal shop --verify
total=$(counts)
echo
echo "${total% *} requests in all, ${total#* } failed: $caught of them while 1.2.0 was caught and taken back"
