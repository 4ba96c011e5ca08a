"""What the tests of actions on backups work on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.ports import Context
from tests.actions.backup.fakes import Vault
from tests.actions.backup.restoring import backup
from tests.actions.backup.world import Host
from tests.fakes import context


@pytest.fixture
def live(tmp_path: Path) -> Path:
    """The tree as it is now: one file is damaged, one is new."""
    place = tmp_path / "srv" / "shop"
    place.mkdir(parents=True)
    (place / "logo").write_text("damaged")
    (place / "new").write_text("since")
    return place


@pytest.fixture
def vault(live: Path) -> Vault:
    made = Vault()
    made.put(backup(), {os.fsencode(live / "logo"): b"hello", os.fsencode(live / "deep" / "er"): b"below"})
    return made


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return replace(context(), place=str(tmp_path / "state" / "place"))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A host with a task that makes backups, into a vault that is empty yet."""
    return Host(tmp_path)
