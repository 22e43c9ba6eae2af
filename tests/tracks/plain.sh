# The track that mostly waits: all tests of the plain build. Started by tests/run.sh from the top folder, with `logs` set.
set -u
. tests/support/counting.sh

run_tests plain build

# Once more as on other people's machines.
mkdir -p build/locale
localedef -i de_DE -f UTF-8 build/locale/de_DE.UTF-8
export LOCPATH="$PWD/build/locale"
run_tests elsewhere build --wrapper "sh $PWD/tests/support/elsewhere.sh" --suite unit --suite abi
unset LOCPATH

step quickstart sh examples/quickstart.sh

echo "$passed $failed$failures" >"$logs/result"
