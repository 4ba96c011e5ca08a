#!/bin/sh
# Runs the test suite. Usage: sh tools/test.sh PYTHON [PYTEST ARGUMENTS]
# Without arguments in two parts, both of which have to pass. First, alone, what measures time or looks at the processes
# of the host. Then the rest, several files at a time: what takes long there are the tests on whole systems, which mostly
# wait. A soak of ten minutes runs beside both, in namespaces and on a disk of its own, and has to pass as well.
# SOAK_ARGS goes to the soak; `SOAK_ARGS=none` leaves it out.
set -u

alone="tests/daemon tests/host tests/policy tests/probes tests/rules tests/trigger tests/system/systemd/test_watchdog.py"
at_once=2

python=$1
shift
if [ $# -gt 0 ]; then
    exec "$python" -m pytest --listed-skips-only "$@"
fi

soak=
log=.cache/soak.log
reports=.cache/reports
rm -rf "$reports"
if [ "${SOAK_ARGS:-}" != none ]; then
    mkdir -p .cache
    # shellcheck disable=SC2086 # several words
    nice -n 10 "$python" -m tests.system.soak ${SOAK_ARGS:-} >"$log" 2>&1 &
    soak=$!
    # With the process that holds them, everything in its namespaces ends.
    trap 'kill -KILL "$soak" 2>/dev/null' EXIT
fi
trap 'exit 130' INT TERM

# Usage: part NAME PYTEST_ARGUMENTS...; what fails is tried once more, alone, and has to pass then. It is told of at the
# end in either case: a test that passes only when nothing else runs has to be mended, but says nothing of the product.
part() {
    name=$1
    shift
    code=0
    "$python" -m pytest --listed-skips-only --junit-xml "$reports/$name.xml" "$@" || code=$?
    [ "$code" -eq 1 ] || return "$code"
    echo "once more, alone, what failed"
    "$python" -m pytest --listed-skips-only --junit-xml "$reports/$name-again.xml" "$@" \
        --numprocesses 0 --last-failed --last-failed-no-failures none
}

status=0
# shellcheck disable=SC2086 # several words
part alone $alone || status=$?
# All processes have to find the same tests in the same order, even where sets are what a test runs with.
PYTHONHASHSEED=$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')
export PYTHONHASHSEED
# shellcheck disable=SC2046 # several words
part rest $(printf -- '--ignore=%s ' $alone) --numprocesses "$at_once" --dist loadfile --no-loadscope-reorder || status=$?
if [ -n "$soak" ]; then
    echo "waiting for the soak that runs beside the tests ($log)"
    held=0
    wait "$soak" || held=$?
    trap - EXIT
    cat "$log"
    [ "$held" -eq 0 ] || status=1
fi
# Once more, where nobody has to scroll for it.
"$python" -m tools.failures "$reports"/*.xml
exit "$status"
