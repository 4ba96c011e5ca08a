"""The directory that the tests of `files.retain` clean."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def top(tmp_path: Path) -> Path:
    place = tmp_path / "top"
    place.mkdir()
    return place
