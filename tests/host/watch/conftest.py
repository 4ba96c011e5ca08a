"""Fixtures for tests of the watcher."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(params=["inotify", "polling"])
def inotify(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "inotify")


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    directory = tmp_path / "etc" / "policies"
    directory.mkdir(parents=True)
    (directory / "a.yaml").write_text("version: 1\n")
    (directory / "b.yaml").write_text("version: 1\n")
    return directory
