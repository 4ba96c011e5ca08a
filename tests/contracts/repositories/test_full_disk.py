"""What every repository promises where its disk is full, whatever its engine."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import RunFailed
from tests.contracts.repositories.made import Made
from tests.host.trees import mounted
from tests.system.backups.beds import HOST, TASK, Bed, request

pytestmark = pytest.mark.root


@pytest.fixture
def small(made: Made, tmp_path: Path) -> Iterator[Bed]:
    """A bed whose repository is on a disk of 4 MB."""
    bed = made.bed.copy(tmp_path / "copy")
    disk = tmp_path / "disk"
    disk.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=4m", "tmpfs", disk):
        shutil.copytree(bed.path, disk / "repository", symlinks=True)
        shutil.rmtree(bed.path)
        bed.path.symlink_to(disk / "repository")
        yield bed


def test_disk_that_is_full_fails_the_backup_and_spares_the_others(small: Bed, made: Made, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "large").write_bytes(random.Random(1).randbytes(20_000_000))
    repository = small.open()
    with repository.lock(HOST, TASK), pytest.raises(RunFailed, match=r"(?i)no space left"):
        repository.create(request([source]))
    assert small.open().listing().backups == (made.first, made.second)
    with repository.lock(HOST, TASK):
        repository.sweep()
        (source / "large").write_bytes(b"small")
        again = repository.create(request([source]))
    repository.verify(again, deep=True)
