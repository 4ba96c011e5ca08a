#!/bin/sh
# Starts the agent on the quickstart policies. Usage: sh examples/quickstart/run.sh path/to/hostkeeper
# Everything it makes is in /tmp/hostkeeper-quickstart; nothing else of the machine is touched.
set -eu

hostkeeper=$1
here=$(cd "$(dirname "$0")" && pwd)
place=/tmp/hostkeeper-quickstart

umask 077
mkdir -p "$place" 2>/dev/null || true
if [ ! -O "$place" ] || [ -h "$place" ]; then
    echo "$place is not yours: remove it, or wait until its owner is done" >&2
    exit 1
fi

# The policies are copied, because the agent, as root, trusts only files that root alone can change.
rm -rf "$place/policies"
mkdir -p "$place/policies" "$place/files"
cp "$here"/policies/*.yaml "$place/policies/"

# A directory to keep tidy: copies of some 400 real files of this machine, with the times they have.
find /usr/share /usr/lib -xdev -type f -size -64k 2>/dev/null | head -n 400 | while IFS= read -r file; do
    cp -p "$file" "$place/files/$(echo "$file" | tr / _)" 2>/dev/null || true
done

exec "$hostkeeper" agent --tell --policies "$place/policies" --state "$place/state" --config "$here/agent.yaml"
