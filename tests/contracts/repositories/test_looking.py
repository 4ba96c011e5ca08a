"""What every repository promises who only looks, and may write nowhere, whatever its engine."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from agent.errors import RunFailed
from tests.contracts.repositories.made import Made
from tests.system.backups import trees
from tests.system.backups.beds import Bed

pytestmark = pytest.mark.root


def test_look_lists_verifies_and_browses_without_writing(made: Made) -> None:
    arguments = [sys.executable, "-m", "tests.contracts.repositories.looking", made.bed.engine, str(made.bed.place)]
    before = trees.paths(made.bed.path), os.stat(made.bed.path).st_mtime_ns
    seen = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert (seen.returncode, seen.stderr) == (0, "")
    items = len(trees.paths(made.tree))
    assert seen.stdout.splitlines() == [f"{made.first.id} {items + 1}", f"{made.second.id} {items}"]
    assert (trees.paths(made.bed.path), os.stat(made.bed.path).st_mtime_ns) == before
    assert not (made.bed.place / "agent-101").exists()


def test_look_at_a_repository_without_its_largest_files_finds_it(bed: Bed, made: Made) -> None:
    for path in sorted(bed.files(), key=lambda path: path.stat().st_size)[-6:]:
        path.unlink()
    with pytest.raises(RunFailed):
        bed.open(looking=True).verify(made.second, deep=False)
