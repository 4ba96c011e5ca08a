"""Files with secrets: whom they let in, and what of them is a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.secrets import MOST, exposure, read_secret


@pytest.mark.parametrize(
    ("mode", "owner", "wrong"),
    [
        (0o100600, os.geteuid(), ""),
        (0o100400, 0, ""),
        (0o100640, 0, "can be read or written by others: chmod 0600 it"),
        (0o100620, 0, "can be read or written by others: chmod 0600 it"),
        (0o100604, os.geteuid(), "can be read or written by others: chmod 0600 it"),
        (0o100600, 4242, "belongs to user 4242: let root own it, and chmod 0600 it"),
    ],
)
def test_exposure_names_whoever_else_may_read_or_write(mode: int, owner: int, wrong: str) -> None:
    assert exposure(os.stat_result((mode, 1, 1, 1, owner, 0, 9, 0, 0, 0))) == wrong


def test_secret_is_the_text_of_the_file_without_the_end_of_its_line(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a b\r\n")
    assert read_secret(str(tmp_path / "s")) == "a b"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff", b"x" * (MOST + 1)])
def test_file_that_holds_no_secret_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "s").write_bytes(content)
    with pytest.raises(RunFailed, match="secret") as raised:
        read_secret(str(tmp_path / "s"))
    assert "xxx" not in str(raised.value)
