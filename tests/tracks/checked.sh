# The track that mostly computes: tests under sanitizers and valgrind, and seeded defects. Started by tests/run.sh from the top folder, with
# `logs` set. It gives way to the other track, whose tests have users with little patience, and leaves the tree as it is: that one copies it.
set -u
. tests/support/counting.sh
renice -n 10 $$ >/dev/null
export PYTHONDONTWRITEBYTECODE=1

# With sanitizers: everything but the whole sweep of the laws, whose code the wild runs go through too, in a fraction of the time. Built in half
# the time at -O1, where sanitizers make the compiler warn of what cannot be; the plain build has all warnings as errors.
left_out=laws-sweep
[ -z "${NIPOPS_LONG:-}" ] || left_out=
if build build-sanitize -Db_sanitize=address,undefined -Db_lundef=false -Dexamples=false -Doptimization=1 -Dwerror=false; then
    names=$(for suite in unit law fault fuzz; do tests_of build-sanitize "$suite"; done | grep -vx "$left_out")
    # shellcheck disable=SC2086 # names
    run_tests sanitize build-sanitize --timeout-multiplier 5 $names
    step sanitize:command /usr/bin/python3 tests/live/cli.py build-sanitize/bindings/cli/nipops
    step sanitize:python /usr/bin/python3 bindings/python/tests/sanitized.py "$PWD/build-sanitize/libnipops/libnipops.so.0"
    step sanitize:go sh bindings/go/sanitized.sh "$PWD/build-sanitize"
fi

# What reads files and bytes of others, once more where every byte is watched.
memory_tests=$(tests_of build unit | grep -E '^(doc|json|yaml|value|schema|store|journal|plan|run|machine)' | tr '\n' ' ')
if [ -n "$memory_tests" ]; then
    # shellcheck disable=SC2086 # names
    run_tests valgrind build --timeout-multiplier 15 \
        --wrapper 'valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite' $memory_tests
fi

# Defects put in on purpose: a suite that misses one proves nothing.
step seeded-defects /usr/bin/python3 -B tests/law/seeded.py

# Every step with every fate and every crash point, and many more wild runs.
if [ -n "${NIPOPS_LONG:-}" ]; then
    step laws-full build/tests/law/laws --sweep --full
    step laws-wilder build/tests/law/laws --wild --runs 50000
fi

echo "$passed $failed$failures" >"$logs/result"
