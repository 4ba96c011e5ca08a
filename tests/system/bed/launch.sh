#!/bin/sh
# Boots a bed, in mount and process namespaces of its own that end with it. Usage: launch.sh NAME TREE [NSPAWN OPTION...]
# What the bed writes lies on a tmpfs above the tree and outlives reboots and a cut of the power, but not this script.
# After the bed has gone down, a line on standard input boots it again, and the end of the input ends everything.
set -eu

name=$1
tree=$2
shift 2
group=/sys/fs/cgroup/$name
place=/run/bed

# One pure cgroup 2 and an empty /run/systemd, so that nothing of how the host is run is seen, used or left behind.
mount -t cgroup2 none /sys/fs/cgroup
mount -t tmpfs -o mode=755 none /run/systemd
mkdir -p "$place"
mount -t tmpfs -o mode=755 none "$place"
mkdir "$place/written" "$place/work" "$place/root"
mount -t overlay -o "lowerdir=$tree,upperdir=$place/written,workdir=$place/work" none "$place/root"

# Groups of beds whose session was killed are empty by now; those in use refuse.
remove_group() { find "$1" -depth -type d -exec rmdir {} + 2>/dev/null || true; }
for old in /sys/fs/cgroup/hk-bed-*; do
    if [ -d "$old" ]; then remove_group "$old"; fi
done

boot() {
    # A group that was killed once may end new processes in it as well.
    remove_group "$group"
    # Another session may take the empty group for a left one before this process is in it.
    until mkdir -p "$group" && sh -c 'echo "$PPID" >"$1/cgroup.procs"' sh "$group" 2>/dev/null; do :; done
    # No bus and no machined to register with; filters in BPF, or the address lists of units would not be in force.
    exec env -i PATH="$PATH" systemd-nspawn --boot --directory="$place/root" --machine="$name" \
        --register=no --keep-unit --private-network --system-call-filter=bpf --console=read-only --link-journal=no \
        --timezone=off "$@" </dev/null
}

while :; do
    code=0
    (boot "$@") || code=$?
    # 133: the bed asks to be booted again.
    if [ "$code" -ne 133 ]; then
        echo "bed: down, nspawn ended with $code"
        read -r _ || break
    fi
done
remove_group "$group"
