from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.durable import put


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_put_under_a_free_name_is_its_owners_alone(tmp_path: Path) -> None:
    put(str(tmp_path / "file"), b"one")
    assert (tmp_path / "file").read_bytes() == b"one"
    assert mode(tmp_path / "file") == 0o600
    assert os.listdir(tmp_path) == ["file"]


def test_put_over_a_file_makes_another_that_is_as_open(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    path.chmod(0o4664)
    with path.open("rb") as before:
        put(str(path), b"two")
        assert before.read() == b"one"
    assert path.read_bytes() == b"two"
    assert mode(path) == 0o664
    assert os.listdir(tmp_path) == ["file"]


def test_put_of_a_name_alone_is_in_this_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    put("file", b"one")
    assert (tmp_path / "file").read_bytes() == b"one"


@pytest.mark.parametrize("kind", ["directory", "pipe", "link", "dangling"])
def test_put_over_what_is_no_regular_file_raises_and_leaves_it(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "place", tmp_path / "other"
    other.write_bytes(b"theirs")
    if kind == "directory":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(other if kind == "link" else tmp_path / "nothing")
    before = path.lstat()
    with pytest.raises(OSError, match="no regular file"):
        put(str(path), b"ours")
    assert path.lstat() == before
    assert other.read_bytes() == b"theirs"
    assert sorted(os.listdir(tmp_path)) == ["other", "place"]


def test_put_without_room_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    code = (
        "import resource, sys\n"
        "from agent.host.durable import put\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))\n"
        "try: put(sys.argv[1], bytes(100))\n"
        "except OSError as error: print(error.strerror)"
    )
    said = subprocess.run((sys.executable, "-c", code, str(path)), capture_output=True, text=True, check=True).stdout
    assert said == "File too large\n"
    assert path.read_bytes() == b"one"
    assert os.listdir(tmp_path) == ["file"]
