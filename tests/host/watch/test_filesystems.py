"""File systems that others change unseen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.host.watch.filesystems import shared_filesystem


@pytest.mark.parametrize(("kind", "expected"), [("ext4", ""), ("nfs4", "nfs4"), ("fuse.sshfs", "fuse.sshfs")])
def test_shared_filesystem_by_type_is_named(tmp_path: Path, kind: str, expected: str) -> None:
    device = os.stat(tmp_path).st_dev
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"30 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 - {kind} /dev/x rw\n")
    assert shared_filesystem(str(tmp_path / "missing" / "too"), str(mountinfo)) == expected
