#!/bin/sh
# Runs the test suite. Usage: sh tools/test.sh PYTHON [PYTEST ARGUMENTS]
# Without arguments the tests on whole systems, which mostly wait for others, run beside the rest, and so does a soak of
# ten minutes, in namespaces and on a disk of its own; the suite passes only if all did. SOAK_ARGS goes to the soak;
# `SOAK_ARGS=none` leaves it out.
set -u

python=$1
shift
if [ $# -gt 0 ]; then
    exec "$python" -m pytest --listed-skips-only "$@"
fi

mkdir -p .cache
soak=
if [ "${SOAK_ARGS:-}" != none ]; then
    # shellcheck disable=SC2086 # several words
    nice -n 10 "$python" -m tests.system.soak ${SOAK_ARGS:-} >.cache/soak.log 2>&1 &
    soak=$!
fi
"$python" -m pytest --listed-skips-only tests/system >.cache/system.log 2>&1 &
system=$!
# With the process that holds them, everything in the namespaces of the soak ends.
trap 'kill -TERM "$system" 2>/dev/null; [ -z "$soak" ] || kill -KILL "$soak" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

status=0
"$python" -m pytest --listed-skips-only --ignore=tests/system tests || status=1
echo "waiting for the tests on whole systems that run beside (.cache/system.log)"
wait "$system" || status=1
cat .cache/system.log
if [ -n "$soak" ]; then
    echo "waiting for the soak that runs beside the tests (.cache/soak.log)"
    wait "$soak" || status=1
    cat .cache/soak.log
fi
trap - EXIT
exit "$status"
