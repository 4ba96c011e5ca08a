"""Trees held against what their backup says of them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.actions.backup._comparing import compare, others
from agent.digests import sha256
from agent.model.backups import Entry
from agent.ports import Context

DISK = os.makedev(7, 99)


@pytest.mark.root
@pytest.mark.parametrize(("mode", "owner", "told"), [(0, 0, 0), (0o640, 12345, 0), (0, 12345, 1), (0o666, 0, 1)])
def test_device_that_nobody_can_use_is_no_difference(
    ctx: Context, tmp_path: Path, mode: int, owner: int, told: int
) -> None:
    device = tmp_path / "disk"
    os.mknod(device, stat.S_IFBLK, DISK)
    os.chown(device, owner, 0)
    os.chmod(device, mode)
    entry = Entry(
        path=b"/disk",
        kind="device",
        mode=0o640,
        uid=12345,
        gid=0,
        size=0,
        modified=device.lstat().st_mtime,
    )
    found = compare(str(tmp_path), [entry], ctx)
    assert (found.objects, found.different) == (1, told)


def test_path_that_is_as_long_as_paths_may_be_is_compared_below_a_long_root(ctx: Context, tmp_path: Path) -> None:
    names = [b"d" * 200] * 19 + [b"f" * 250]
    top = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    path = b"/".join(names)
    for number in range(1, len(names)):
        os.mkdir(b"/".join(names[:number]), dir_fd=top)
    file = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=top)
    about = os.fstat(file)
    os.close(file)
    entry = Entry(
        path=b"/" + path,
        kind="file",
        mode=0o600,
        uid=about.st_uid,
        gid=about.st_gid,
        size=0,
        modified=about.st_mtime,
        sha256=sha256().hexdigest(),
    )
    assert len(os.fsencode(tmp_path)) + len(path) > 4096
    found = compare(str(tmp_path), [entry], ctx)
    assert (found.files, found.told) == (1, [])
    assert others(str(tmp_path)) == 1
    file = os.open(path, os.O_RDWR, dir_fd=top)
    os.truncate(file, 1)
    os.close(file)
    assert compare(str(tmp_path), [entry], ctx).told[0].endswith("has 1 bytes instead of 0")
    os.close(top)
