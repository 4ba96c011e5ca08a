#!/bin/sh
# Proves that the locks serve every platform we support. Usage: sh tools/locks.sh LOCK...
# Asks pip to resolve each lock, wheels only, for Python 3.11 to 3.13 on x86_64 and aarch64, without installing.
set -eu

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for lock in "$@"; do
    if grep -nE '://|^ *-' "$lock" | grep -v -- '--hash='; then
        echo "$lock: names a place to install from; a lock names only versions and hashes" >&2
        exit 1
    fi
    for version in 3.11 3.12 3.13; do
        for machine in x86_64 aarch64; do
            echo "$lock: Python $version on $machine"
            .venv/bin/python -m pip --disable-pip-version-check install --quiet --dry-run \
                --target "$scratch" --only-binary :all: --require-hashes --requirement "$lock" \
                --python-version "$version" --platform "manylinux_2_28_$machine" --platform "manylinux_2_17_$machine" \
                --platform "manylinux2014_$machine"
        done
    done
done
