# Sourced by tests/run.sh and the tracks of tests/tracks: builds, runs and counts tests. Where it is sourced, `logs` names a folder of its own.

passed=0 failed=0 failures=
mkdir -p "$logs"

# finish: the last line.
finish() {
    [ -z "$failures" ] || printf 'failed:%s\n' "$failures"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

# count PASSED FAILED NAME...: adds up; the names are those of the failed.
count() {
    passed=$((passed + $1))
    failed=$((failed + $2))
    shift 2
    for test; do
        failures="$failures $test"
    done
}

# step NAME COMMAND...: one more test; its output is shown when it fails.
step() {
    name=$1
    shift
    if "$@" >"$logs/step.log" 2>&1; then
        count 1 0
        echo "ok    $name"
    else
        count 0 1 "$name"
        echo "FAIL  $name"
        tail -n 100 "$logs/step.log"
    fi
}

# build FOLDER MESON-OPTION...: sets up, or takes the folder as it is, and builds. A build that fails counts as a failed test.
build() {
    folder=$1
    shift
    [ "${CI:-}" != true ] || set -- -Dwerror=true "$@"
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "$@" >"$logs/build.log" 2>&1
    else
        meson setup "$folder" "$@" >"$logs/build.log" 2>&1
    fi && ninja -C "$folder" >"$logs/build.log" 2>&1 && return 0
    grep -v '^\[[0-9/]*\] ' "$logs/build.log" | tail -n 100
    count 0 1 "build:$folder"
    return 1
}

# results NAME LOG: passed and failed tests of a meson log, then the failed ones' names, each after NAME.
results() {
    /usr/bin/python3 - "$@" <<'PYTHON'
import json, sys
good, bad = 0, []
try:
    for line in open(sys.argv[2]):
        test = json.loads(line)
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            good += 1
        elif test["result"] != "SKIP":
            bad.append(test["name"].split(" / ")[-1].replace(" ", "_"))
except OSError:
    bad.append("meson-test")
print(good, len(bad), *(sys.argv[1] + ":" + name for name in bad))
PYTHON
}

# run_tests NAME FOLDER MESON-TEST-OPTION...: counts every test of the meson log.
run_tests() {
    name=$1 folder=$2
    shift 2
    rm -f "$folder/meson-logs/$name"*.json
    meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "$name" "$@" || true
    # shellcheck disable=SC2046 # words
    count $(results "$name" "$folder/meson-logs/$name"*.json) # meson adds a wrapper's name
}

# tests_of FOLDER SUITE: the names that meson test takes.
tests_of() {
    meson test -C "$1" --no-rebuild --list --suite "$2" 2>/dev/null | sed -n 's|^.* / ||p'
}
