"""The state of GNU tar without the directories that were moved, and the archives that are made with it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.drivers.repositories.tar.snapshot import forget_moved
from agent.errors import RunFailed

HEAD = b"GNU tar-1.34-2\n1796046442\x00781032953\x00"


def directory_record(name: bytes, inode: int, *names: bytes) -> bytes:
    fields = [b"0", b"1796046442", b"662214850", b"65024", str(inode).encode(), name, *names]
    return b"\0".join(fields) + b"\0\0\0"


def test_forget_moved_directories_whose_inode_is_elsewhere_are_gone(tmp_path: Path) -> None:
    for name in ("same", "replaced", "now-a-file"):
        (tmp_path / name).mkdir()
    inodes = {name: (tmp_path / name).stat().st_ino for name in os.listdir(tmp_path)}
    kept = directory_record(b"same", inodes["same"], b"Yone", b"Dtwo\n\xff")
    (tmp_path / "now-a-file").rmdir()
    (tmp_path / "now-a-file").touch()
    state = (
        kept
        + directory_record(b"replaced", inodes["same"])
        + directory_record(b"gone", 3, b"Yx")
        + directory_record(b"now-a-file", (tmp_path / "now-a-file").stat().st_ino)
        + directory_record(os.fsencode(tmp_path / "replaced"), inodes["replaced"])
    )
    (tmp_path / "old").write_bytes(HEAD + state)
    assert forget_moved(str(tmp_path / "old"), str(tmp_path / "new"), str(tmp_path)) == 3
    last = directory_record(os.fsencode(tmp_path / "replaced"), inodes["replaced"])
    assert (tmp_path / "new").read_bytes() == HEAD + kept + last


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GNU tar-1.34-1\n",
        b"1796046442\n",
        HEAD[:-1],
        (HEAD + directory_record(b"same", 1))[:-1],
        HEAD + directory_record(b"same", 1)[:-1] + b"x\0",
        HEAD + b"0\x00",
    ],
)
def test_forget_moved_state_that_is_not_whole_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "old").write_bytes(content)
    with pytest.raises(RunFailed, match="make a full backup"):
        forget_moved(str(tmp_path / "old"), str(tmp_path / "new"), str(tmp_path))


def replace_a_directory(tree: Path) -> None:
    (tree / "a/f").unlink()
    (tree / "a").rmdir()
    (tree / "b").rename(tree / "a")


def exchange_directories(tree: Path) -> None:
    (tree / "a").rename(tree / "c")
    (tree / "b").rename(tree / "a")
    (tree / "c").rename(tree / "b")


@pytest.mark.parametrize("steps", [(replace_a_directory,), (exchange_directories, replace_a_directory)])
def test_forget_moved_archives_restore_what_tar_alone_would_mix_up(
    tmp_path: Path, steps: tuple[Callable[[Path], None], ...]
) -> None:
    tree, state, out = tmp_path / "tree", tmp_path / "state", tmp_path / "out"
    for name in ("a", "b"):
        (tree / name).mkdir(parents=True)
        (tree / name / "f").write_text(f"of {name}")
    out.mkdir()

    def tar(*arguments: str) -> None:
        subprocess.run(["tar", *arguments], cwd=tmp_path, check=True, capture_output=True)

    for number, step in enumerate((None, *steps)):
        if step is not None:
            step(tree)
            forget_moved(str(state), str(tmp_path / "next"), str(tmp_path))
            os.replace(tmp_path / "next", state)
        tar("--create", "--format=posix", f"--listed-incremental={state}", f"--file={number}.tar", "tree")
    for number in range(1 + len(steps)):
        tar("--extract", "--listed-incremental=/dev/null", f"--file={number}.tar", f"--directory={out}")
    found = {str(path.relative_to(out)): path.read_text() for path in out.rglob("*") if path.is_file()}
    assert found == {str(path.relative_to(tmp_path)): path.read_text() for path in tree.rglob("*") if path.is_file()}
