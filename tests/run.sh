#!/bin/sh
# Installs what is missing, builds, runs every test. The last line is "N passed, N failed"; the exit status is 0 when none failed.
#
#   sh tests/run.sh            everything
#   sh tests/run.sh --quick    unit tests only
#   sh tests/run.sh --long     everything, with longer campaigns (NIPOPS_LONG=1 for the tests)
#
# CI=true: warnings are errors.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
. tests/support/packages.sh

quick=0
for option; do
    case $option in
    --quick) quick=1 ;;
    --long) export NIPOPS_LONG=1 ;;
    *)
        echo "usage: sh tests/run.sh [--quick | --long]" >&2
        exit 2
        ;;
    esac
done

passed=0 failed=0 failures=

# finish: the last line.
finish() {
    [ -z "$failures" ] || printf 'failed:%s\n' "$failures"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

# step NAME COMMAND...: one more test; its output is shown when it fails.
step() {
    name=$1
    shift
    if "$@" >"build/step.log" 2>&1; then
        passed=$((passed + 1))
        echo "ok    $name"
    else
        failed=$((failed + 1))
        failures="$failures $name"
        echo "FAIL  $name"
        tail -n 100 build/step.log
    fi
}

# build FOLDER MESON-OPTION...: sets up, or takes the folder as it is, and builds. A build that fails counts as a failed test.
build() {
    folder=$1
    shift
    mkdir -p build
    [ "${CI:-}" != true ] || set -- "$@" -Dwerror=true
    if [ -f "$folder/build.ninja" ]; then
        meson configure "$folder" "$@" >build/step.log 2>&1
    else
        meson setup "$folder" "$@" >build/step.log 2>&1
    fi && ninja -C "$folder" >build/step.log 2>&1 && return 0
    grep -v '^\[[0-9/]*\] ' build/step.log | tail -n 100
    failed=$((failed + 1))
    failures="$failures build:$folder"
    return 1
}

# results LOG: passed and failed tests of a meson log, then the failed ones' names.
results() {
    /usr/bin/python3 - "$1" <<'PYTHON'
import json, sys
good, bad = 0, []
try:
    for line in open(sys.argv[1]):
        test = json.loads(line)
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            good += 1
        elif test["result"] != "SKIP":
            bad.append(test["name"].split(" / ")[-1].replace(" ", "_"))
except OSError:
    bad.append("meson-test")
print(good, len(bad), *bad)
PYTHON
}

# run_tests NAME FOLDER MESON-TEST-OPTION...: counts every test of the meson log.
run_tests() {
    name=$1 folder=$2
    shift 2
    rm -f "$folder/meson-logs/$name"*.json
    meson test -C "$folder" --no-rebuild --print-errorlogs --logbase "$name" "$@" || true
    # shellcheck disable=SC2046 # words
    set -- $(results "$folder/meson-logs/$name"*.json) # meson adds a wrapper's name
    passed=$((passed + $1))
    failed=$((failed + $2))
    shift 2
    for test; do
        failures="$failures $name:$test"
    done
}

# tests_of FOLDER SUITE: the names that meson test takes.
tests_of() {
    meson test -C "$1" --no-rebuild --list --suite "$2" 2>/dev/null | sed -n 's|^.* / ||p'
}

# shellcheck disable=SC2086 # lists of names
install_missing $build_packages $example_packages $test_packages || finish
export GOCACHE="${GOCACHE:-$top/build/go-cache}" PATH="$PATH:/usr/local/go/bin"

build build -Dtests=enabled || finish
if [ "$quick" = 1 ]; then
    run_tests unit build --suite unit
    finish
fi
run_tests plain build

# Once more as on other people's machines.
mkdir -p build/locale
localedef -i de_DE -f UTF-8 build/locale/de_DE.UTF-8
export LOCPATH="$top/build/locale"
run_tests elsewhere build --wrapper "sh $top/tests/support/elsewhere.sh" --suite unit --suite abi
unset LOCPATH

# With sanitizers: everything but the whole sweep of the laws, whose code the wild runs go through too, in a fraction of the time.
left_out=laws-sweep
[ -z "${NIPOPS_LONG:-}" ] || left_out=
if build build-sanitize -Db_sanitize=address,undefined -Db_lundef=false -Dexamples=false; then
    names=$(for suite in unit law fault fuzz; do tests_of build-sanitize "$suite"; done | grep -vx "$left_out")
    # shellcheck disable=SC2086 # names
    run_tests sanitize build-sanitize --timeout-multiplier 3 $names
    step sanitize:command /usr/bin/python3 tests/live/cli.py build-sanitize/bindings/cli/nipops
    step sanitize:python /usr/bin/python3 bindings/python/tests/sanitized.py "$top/build-sanitize/libnipops/libnipops.so.0"
    step sanitize:go sh bindings/go/sanitized.sh "$top/build-sanitize"
fi

# What reads files and bytes of others, once more where every byte is watched.
memory_tests=$(tests_of build unit | grep -E '^(doc|json|yaml|value|schema|store|journal|plan|run|machine)' | tr '\n' ' ')
if [ -n "$memory_tests" ]; then
    # shellcheck disable=SC2086 # names
    run_tests valgrind build --timeout-multiplier 10 \
        --wrapper 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite' $memory_tests
fi

# Defects put in on purpose: a suite that misses one proves nothing.
step seeded-defects /usr/bin/python3 -B tests/law/seeded.py

step quickstart sh examples/quickstart.sh

# Every step with every fate and every crash point, and many more wild runs.
if [ -n "${NIPOPS_LONG:-}" ]; then
    step laws-full build/tests/law/laws --sweep --full
    step laws-wilder build/tests/law/laws --wild --runs 50000
fi
finish
