#!/bin/sh
# Fuzzing: builds the targets of this folder with clang's libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, and lets them search.
#
#   sh tests/fuzz/run.sh                     every target for a minute
#   sh tests/fuzz/run.sh TARGET [SECONDS]    one target; "all": every target for so many seconds each
#   sh tests/fuzz/run.sh --merge [TARGET]    takes what covers new code from the searches so far into the seed corpora
#
# One job at a time, at the lowest priority. What is found lies in build-fuzz/findings/TARGET/, and the command that shows it again is
# printed; the exit status is 1 then. Logs, with what was executed and for how long, are in build-fuzz/logs/.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top" || exit 1
. tests/support/packages.sh
work=build-fuzz

targets() {
    sed -n "s|^  '\([a-z_0-9]*\)',\$|\1|p" tests/fuzz/meson.build
}

usage() {
    echo "usage: sh tests/fuzz/run.sh [TARGET | all] [SECONDS]   or --merge [TARGET]; targets:" $(targets) >&2
    exit 2
}

find_compiler() {
    for compiler in "${CC:-}" clang clang-14; do
        case $compiler in
        *clang*) command -v "${compiler##* }" >/dev/null 2>&1 && echo "$compiler" && return ;;
        esac
    done
    install_missing clang-14 libclang-rt-14-dev llvm-14 >&2 && echo clang-14
}

build() {
    if [ ! -f $work/build.ninja ]; then
        CC=$(find_compiler) meson setup $work -Dfuzzing=true -Dcli=disabled -Dexamples=false -Db_sanitize=address,undefined -Db_lundef=false \
            -Dc_args='-fsanitize=fuzzer-no-link -fno-sanitize-recover=undefined' >/dev/null || exit 1
    fi
    # shellcheck disable=SC2046 # a list of words
    ninja -C $work $(targets | sed 's|^|tests/fuzz/fuzz-|') >$work/build.log || {
        tail -n 40 $work/build.log
        exit 1
    }
}

# search TARGET SECONDS
search() {
    name=$1 findings=$work/findings/$1 found=$work/corpus/$1 log=$work/logs/$1.log
    mkdir -p "$findings" "$found" $work/logs
    set -- -max_total_time="$2" -rss_limit_mb=2048 -timeout=20 -max_len=16384 -artifact_prefix="$findings/" -print_final_stats=1
    [ ! -f "tests/fuzz/dictionary/$name.dict" ] || set -- "$@" -dict="tests/fuzz/dictionary/$name.dict"
    if nice -n 19 $work/tests/fuzz/fuzz-"$name" "$@" "$found" "tests/fuzz/corpus/$name" >>"$log" 2>&1; then
        echo "ok    $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1) inputs, log $log"
        return 0
    fi
    # shellcheck disable=SC2012 # names of our own
    finding=$findings/$(ls -t "$findings" | head -n 1)
    echo "FOUND $name: $finding; see it again with either of"
    echo "      $work/tests/fuzz/fuzz-$name $finding"
    echo "      build/tests/fuzz/fuzz-$name $finding"
    return 1
}

# merge TARGET: the smallest set of inputs that reaches all edges.
merge() {
    merged=$(mktemp -d) seeds=tests/fuzz/corpus/$1
    mkdir -p "$work/corpus/$1"
    $work/tests/fuzz/fuzz-"$1" -merge=1 -use_counters=0 -max_len=4096 "$merged" "$seeds" "$work/corpus/$1" >/dev/null 2>&1 || exit 1
    new=0
    for input in "$merged"/*; do
        known=0
        for seed in "$seeds"/*; do
            cmp -s "$input" "$seed" && known=1 && break
        done
        [ $known = 1 ] || { cp "$input" "$seeds/" && new=$((new + 1)); }
    done
    rm -rf "$merged"
    echo "$1: $new taken over"
}

status=0
case ${1:-all} in
--merge)
    build
    for target in ${2:-$(targets)}; do
        merge "$target"
    done
    ;;
all)
    build
    for target in $(targets); do
        search "$target" "${2:-60}" || status=1
    done
    ;;
*)
    targets | grep -qx "$1" || usage
    build
    search "$1" "${2:-60}" || status=1
    ;;
esac
exit $status
