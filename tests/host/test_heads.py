from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from agent.host import heads
from agent.host.heads import EARLIER, NAME, HeadFile

HASH = "ab" * 32


def test_heads_come_back_in_their_order(tmp_path: Path) -> None:
    file = HeadFile(str(tmp_path))
    for seq in (3, 7):
        file.append(seq, HASH, 1_772_366_400.9)
    assert [(head.seq, head.hash, head.at, head.line) for head in file.all()] == [
        (3, HASH, 1_772_366_400.0, 1),
        (7, HASH, 1_772_366_400.0, 2),
    ]
    last = file.last()
    assert last is not None and last.seq == 7
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600


def test_no_file_has_no_heads(tmp_path: Path) -> None:
    assert HeadFile(str(tmp_path)).last() is None
    assert list(HeadFile(str(tmp_path)).all()) == []


def test_torn_line_is_no_head_and_spoils_none(tmp_path: Path) -> None:
    file = HeadFile(str(tmp_path))
    file.append(1, HASH, 5.0)
    with open(tmp_path / NAME, "ab") as torn:
        torn.write(b"2:abab")
    last = file.last()
    assert last is not None and last.seq == 1
    file.append(3, HASH, 6.0)
    assert [head.seq for head in file.all()] == [1, 3]


def test_link_in_place_of_the_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        HeadFile(str(tmp_path)).append(1, HASH, 5.0)
    assert not os.path.lexists(tmp_path / "elsewhere")


def test_full_file_becomes_the_earlier_one(tmp_path: Path) -> None:
    line = f"9:{HASH} 5\n".encode()
    (tmp_path / NAME).write_bytes(line * (heads.FULL_BYTES // len(line) + 1))
    file = HeadFile(str(tmp_path))
    file.append(10, HASH, 5.0)
    assert (tmp_path / EARLIER).stat().st_size > heads.FULL_BYTES
    assert not (tmp_path / NAME).exists()
    last = file.last()
    assert last is not None and last.seq == 10
    file.append(11, HASH, 5.0)
    last = file.last()
    assert last is not None and last.seq == 11
