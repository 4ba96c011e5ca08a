#!/bin/sh
# Runs the test suite. Usage: sh tools/test.sh PYTHON [PYTEST ARGUMENTS]
# Without arguments a soak of ten minutes runs beside it, in namespaces and on a disk of its own, and the suite passes
# only if both did. SOAK_ARGS goes to the soak; `SOAK_ARGS=none` leaves it out.
set -u

python=$1
shift
if [ $# -gt 0 ] || [ "${SOAK_ARGS:-}" = none ]; then
    exec "$python" -m pytest --listed-skips-only "$@"
fi

log=.cache/soak.log
mkdir -p .cache
# shellcheck disable=SC2086 # several words
nice -n 10 "$python" -m tests.system.soak ${SOAK_ARGS:-} >"$log" 2>&1 &
soak=$!
# With the process that holds them, everything in its namespaces ends.
trap 'kill -KILL "$soak" 2>/dev/null' EXIT
trap 'exit 130' INT TERM

status=0
"$python" -m pytest --listed-skips-only || status=$?
echo "waiting for the soak that runs beside the tests ($log)"
held=0
wait "$soak" || held=$?
trap - EXIT
cat "$log"
[ "$held" -eq 0 ] || status=1
exit "$status"
