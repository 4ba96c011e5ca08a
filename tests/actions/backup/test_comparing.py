"""Trees held against what their backup says of them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.actions.backup._comparing import compare
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
