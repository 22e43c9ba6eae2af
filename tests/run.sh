#!/bin/sh
# Installs what is missing, builds, runs every test. The last line is "N passed, N failed"; the exit status is 0 when none failed.
#
#   sh tests/run.sh            everything
#   sh tests/run.sh --quick    unit tests only
#   sh tests/run.sh --long     everything, with longer campaigns (NIPOPS_LONG=1 for the tests)
#
# CI=true: warnings are errors.
#
# Two tracks run at once: tests/tracks/plain.sh, whose tests mostly wait, and tests/tracks/checked.sh, whose tests mostly compute. What the first
# says is shown as it comes, what the second says after it.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
logs=build/tracks/run
. tests/support/packages.sh
. tests/support/counting.sh

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

# run_tracks NAME...: scripts of tests/tracks at once; a track that does not come to its end is a failed test.
run_tracks() {
    scripts=
    for track; do
        scripts="$scripts $track=tests/tracks/$track.sh"
        rm -f "build/tracks/$track/result" # of an earlier run
    done
    # shellcheck disable=SC2086 # words
    /usr/bin/python3 -B tests/support/tracks.py build/tracks $scripts &
    tracks=$!
    trap 'end_tracks 130' INT
    trap 'end_tracks 143' TERM
    trap 'end_tracks 129' HUP
    wait "$tracks"
    trap - INT TERM HUP
    for track; do
        # shellcheck disable=SC2046 # words
        count $(cat "build/tracks/$track/result" 2>/dev/null || echo "0 1 track:$track")
    done
}

# end_tracks STATUS: the tracks end all that they have begun; then this does.
end_tracks() {
    kill -TERM "$tracks" 2>/dev/null
    wait "$tracks"
    exit "$1"
}

# shellcheck disable=SC2086 # lists of names
install_missing $build_packages $example_packages $test_packages || finish
export GOCACHE="${GOCACHE:-$top/build/go-cache}" PATH="$PATH:/usr/local/go/bin"

build build -Dtests=enabled || finish
if [ "$quick" = 1 ]; then
    run_tests unit build --suite unit
    finish
fi
run_tracks plain checked
finish
