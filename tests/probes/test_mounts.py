"""Which file systems are measured."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from agent.probes.mounts import MountTable, chosen, parse_mounts

TABLE = rb"""
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
28 27 0:24 / /run rw,nosuid - tmpfs tmpfs rw,size=1024k
29 27 8:1 / /srv/with\040space rw - xfs /dev/sda1 rw
30 27 8:1 /pods/x /var/lib/pods/x rw - xfs /dev/sda1 rw
31 27 0:40 / /home rw master:1 shared:2 - nfs4 server:/home rw,vers=4.2
32 31 8:2 / /home/local ro - ext4 /dev/sda2 rw
33 27 0:41 /@ /data rw - btrfs /dev/sdb rw,subvol=/@
34 27 0:41 /@logs /data/logs rw - btrfs /dev/sdb rw,subvol=/@logs
35 27 7:1 / /snap/core ro - squashfs /dev/loop1 ro
36 27 0:50 / /misc rw - autofs systemd-1 rw
37 27 0:51 / /sshfs rw - fuse.sshfs host:/ rw
38 27 0:52 / /ntfs rw - fuseblk /dev/sdc1 rw
39 27 0:53 / /tank rw - zfs tank rw
40 27 0:54 / /future rw - newfs what rw
41 27 8:9 / /old rw - ext4 /dev/sdz rw
42 27 8:10 / /old rw - ext4 /dev/sdy ro
43 28 8:11 / /run/media rw - vfat /dev/sdx rw
44 22 0:60 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw
45 27 8:12 / /r/\303\244\377 rw - ext4 /dev/sdw rw
""".strip()
BY_DEFAULT = {"/", "/srv/with space", "/data", "/tank", "/old", "/run/media", "/r/ä\\xff"}


def test_local_file_systems_are_measured_each_once() -> None:
    assert set(chosen(parse_mounts(TABLE), frozenset())) == BY_DEFAULT


@pytest.mark.parametrize(
    "name",
    ["/run", "/home", "/home/local", "/snap/core", "/sshfs", "/ntfs", "/future", "/data/logs", "/var/lib/pods/x"],
)
def test_other_file_system_is_measured_when_it_is_asked_for(name: str) -> None:
    assert set(chosen(parse_mounts(TABLE), frozenset({name}))) == BY_DEFAULT | {name}


@pytest.mark.parametrize("name", ["/misc", "/nothing"])
def test_what_must_not_or_cannot_be_measured_is_not(name: str) -> None:
    assert set(chosen(parse_mounts(TABLE), frozenset({name}))) == BY_DEFAULT


def test_file_systems_that_may_block_are_known() -> None:
    mounts = {mount.name: mount for mount in parse_mounts(TABLE)}
    remote = {name for name, mount in mounts.items() if mount.remote}
    assert remote >= {"/home", "/home/local", "/sshfs", "/ntfs", "/future", "/misc"}
    assert not remote & (BY_DEFAULT | {"/run", "/data/logs", "/snap/core"})


def test_upper_of_two_mounts_at_one_place_is_the_one_that_is_seen() -> None:
    (old,) = [mount for mount in parse_mounts(TABLE) if mount.name == "/old"]
    assert (old.device, old.read_only) == (b"8:10", True)


@pytest.mark.parametrize("name", [b"a\rb", b"\xff", b"\xe2\x80\xa8", b"\x0b\x0c\x1c\x85"])
def test_any_name_is_that_of_one_mount(name: bytes) -> None:
    table = TABLE + b"\n46 27 0:61 / /home/ann/" + name + b" rw - fuse.sshfs host:/ rw\n"
    assert [mount.path for mount in parse_mounts(table)][-1] == b"/home/ann/" + name
    assert set(chosen(parse_mounts(table), frozenset())) == BY_DEFAULT


def test_names_are_text_and_paths_are_bytes() -> None:
    mounts = {mount.path: mount.name for mount in parse_mounts(TABLE)}
    assert mounts[b"/srv/with space"] == "/srv/with space"
    assert mounts[b"/r/\xc3\xa4\xff"] == "/r/ä\\xff"


@pytest.mark.parametrize(("name", "read_only"), [("/", False), ("/snap/core", True), ("/home/local", True)])
def test_read_only_is_told_of_mount_and_of_file_system(name: str, read_only: bool) -> None:
    assert next(mount for mount in parse_mounts(TABLE) if mount.name == name).read_only is read_only


def test_container_root_is_measured_whatever_it_is() -> None:
    table = b"1 0 0:40 / / rw - overlay overlay rw,lowerdir=/a\n2 1 0:41 / /etc/hosts rw - overlay other rw"
    assert set(chosen(parse_mounts(table), frozenset())) == {"/"}


@pytest.mark.root
def test_table_is_read_again_only_when_a_mount_has_changed(tmp_path: Path) -> None:
    table = MountTable()
    first = table.read_if_changed()
    with open("/proc/self/mountinfo", "rb") as file:
        assert first == file.read()
    assert table.read_if_changed() is None
    subprocess.run(["mount", "-t", "tmpfs", "x" * 500, tmp_path], check=True)
    try:
        changed = table.read_if_changed()
        assert changed is not None
        assert os.fsencode(tmp_path) in changed
        assert table.read_if_changed() is None
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert table.read_if_changed() == first
