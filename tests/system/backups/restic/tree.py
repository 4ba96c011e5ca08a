"""A small tree with a repository of restic, and other restics at work in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.drivers.repository import Repository
from agent.model.backups import Backup
from tests.system.backups import beds, restic_repository
from tests.system.backups.beds import Bed, request


class Tree:
    """A small tree, and a repository with one backup of it."""

    def __init__(self, place: Path) -> None:
        self.bed = beds.empty("restic", place / "bed")
        self.source = place / "source"
        self.source.mkdir()
        for number in range(5):
            (self.source / f"file-{number}").write_bytes(os.urandom(2000))
        self.repository: Repository = self.bed.open()

    def backup(self, **changes: Any) -> Backup:
        return self.repository.create(request([self.source], **changes))


def environment(bed: Bed) -> dict[str, str]:
    return os.environ | {
        "RESTIC_REPOSITORY": str(bed.path),
        "RESTIC_PASSWORD": restic_repository.PASSWORD,
        "RESTIC_CACHE_DIR": str(bed.place / "cache"),
    }


def by_hand(bed: Bed, *arguments: str) -> str:
    completed = subprocess.run(["restic", *arguments], env=environment(bed), capture_output=True, text=True, check=True)
    return completed.stdout


@contextmanager
def at_work(bed: Bed) -> Iterator[subprocess.Popen[bytes]]:
    """Somebody's restic that holds a lock, until it is killed."""
    before = locks(bed)
    with subprocess.Popen(
        ["restic", "backup", "--stdin", "--quiet"],
        env=environment(bed),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        try:
            deadline = time.monotonic() + 20
            while locks(bed) == before:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            process.kill()


@contextmanager
def instead(tree: Tree, monkeypatch: pytest.MonkeyPatch, script: str) -> Iterator[None]:
    """Let a script be found as restic; `$REAL` is the real one."""
    real = shutil.which("restic")
    assert real is not None
    place = tree.bed.place / "bin"
    place.mkdir()
    (place / "restic").write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
    (place / "restic").chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{place}:{os.environ['PATH']}")
        yield


def snapshot(bed: Bed, name: str) -> Path:
    return bed.path / "snapshots" / name


def locks(bed: Bed) -> list[str]:
    """Return the names of the locks in a repository, without those that are being written."""
    return sorted(file.name for file in (bed.path / "locks").iterdir() if "-tmp-" not in file.name)
