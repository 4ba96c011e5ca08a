"""A repository of each engine, empty and with two backups in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contracts.repositories.made import Made
from tests.system.backups import beds, trees
from tests.system.backups.beds import HOST, TASK, Bed, Numbers, request

ENGINES = ("restic", "tar")


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def made(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Made once, looked at by many; nobody changes it."""
    place = tmp_path_factory.mktemp(engine)
    tree = place / "tree"
    trees.make(tree)
    bed = beds.empty(engine, place / "bed")
    repository = bed.open()
    with repository.lock(HOST, TASK):
        first = repository.create(request([tree], databases=(Numbers(),)))
        (tree / "deep" / "small-1").write_text("changed")
        (tree / "deep" / "small-2").unlink()
        (tree / "deep").rename(tree / "renamed")
        second = repository.create(request([tree], parent=first, databases=(Numbers(most=30_000),)))
    return Made(bed, tree, first, second)


@pytest.fixture
def bed(made: Made, tmp_path: Path) -> Bed:
    """A copy of it, to be changed."""
    return made.bed.copy(tmp_path / "copy")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    place = tmp_path / "out"
    place.mkdir(mode=0o700)
    return place
