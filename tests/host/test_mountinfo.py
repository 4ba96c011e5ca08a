"""The table of mounts, in which anybody who may mount has chosen names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.host.cgroup import Cgroups
from agent.host.mountinfo import Mount, mounts
from agent.host.watch.filesystems import shared_filesystem

GROUPS = b"35 25 0:30 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
NAMES = st.binary(min_size=1, max_size=20).map(lambda name: b"/" + name.replace(b"\0", b"\r"))


def written(name: bytes) -> bytes:
    """Return a name as the kernel writes it."""
    return b"".join(b"\\%03o" % code if code in b" \t\n\\" else bytes([code]) for code in name)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("proc") / "mountinfo"


@given(st.lists(st.tuples(NAMES, NAMES), max_size=5))
def test_mounts_of_any_names_are_read_as_they_are(table: Path, names: list[tuple[bytes, bytes]]) -> None:
    rows = [b"30 1 8:1 %s %s rw shared:1 master:2 - ext4 /dev/x rw\n" % (written(a), written(b)) for a, b in names]
    table.write_bytes(b"".join(rows))
    assert mounts(str(table)) == [Mount("8:1", os.fsdecode(root), os.fsdecode(place), "ext4") for root, place in names]


@pytest.mark.parametrize("name", [b"a\rb", b"\xff", b"\xe2\x80\xa8", b"\x0b\x0c\x1c\x85", b"\\134040"])
def test_mount_with_a_name_of_its_own_hides_no_other(table: Path, name: bytes) -> None:
    device = os.stat(table.parent).st_dev
    other = b"31 1 %d:%d / /srv rw - nfs4 server:/ rw\n" % (os.major(device), os.minor(device))
    table.write_bytes(b"29 1 0:99 / /home/ann/%s rw - fuse.sshfs host:/ rw\n" % name + other + GROUPS)
    (table.parent / "cgroup").write_text("0::/hk\n")
    groups = Cgroups.discover(str(table.parent))
    assert groups is not None
    assert groups.base == "/sys/fs/cgroup/hk"
    assert shared_filesystem(str(table.parent), str(table)) == "nfs4"
