#!/bin/sh
# Makes a virtual environment. Usage: sh tools/venv.sh DIRECTORY
# Takes the first Python >= 3.11 of the PATH. Debian ships the part of it that makes environments in a package of its
# own: as root that package is installed, otherwise the command to install it is printed and nothing is changed.
set -eu

directory=$1

python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "make: no Python 3.11 or later on the PATH; install it with: apt-get install python3 python3-venv" >&2
    exit 1
fi

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        echo "make: $python cannot make a virtual environment; as root run: apt-get install $package" >&2
        exit 1
    fi
    echo "make: installing $package, which $python needs to make a virtual environment" >&2
    apt-get -qq update
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends "$package" >/dev/null
fi

# A half-made environment must not look like a whole one to make.
rm -rf "$directory.part" "$directory"
"$python" -m venv "$directory"
