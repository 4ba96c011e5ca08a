"""What is mounted and taken away shows in the kernel's table."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from agent.host.watch.mounts import MountNews
from tests.host.watch.bell import watching


def test_mounts_that_stay_are_no_news() -> None:
    news = MountNews()
    assert not news.changed()
    assert not news.changed()
    news.close()


@pytest.mark.root
def test_mount_over_the_directory_is_suspicious_once(policies: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    with watching(policies) as (watcher, _):
        assert not watcher.suspicious()
        mounted = libc.mount(b"none", os.fsencode(policies), b"tmpfs", 0, None)
        assert mounted == 0, os.strerror(ctypes.get_errno())
        try:
            assert watcher.suspicious()
            assert not watcher.suspicious()
        finally:
            libc.umount2(os.fsencode(policies), 2)
        assert watcher.suspicious()
