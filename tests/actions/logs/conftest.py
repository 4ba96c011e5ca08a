from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir(mode=0o755)
    path = directory / "app.log"
    path.write_bytes(b"one\ntwo\n")
    path.chmod(0o640)
    return path
