"""Finding programs as exec does, for the user who would run them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.programs import find
from agent.host.users import Account, account

ROOT = Account("root", 0, 0, (0,), "/root")
SOMEBODY = Account("somebody", 4000, 4001, (4001, 4002), "/home/somebody")


def program(path: Path, mode: int = 0o755) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(mode)
    return path


def test_find_takes_the_first_executable_on_path(tmp_path: Path) -> None:
    program(tmp_path / "a" / "tool", 0o644)
    wanted = program(tmp_path / "b" / "tool")
    program(tmp_path / "c" / "tool")
    found = find("tool", f"{tmp_path}/missing:{tmp_path}/a:{tmp_path}/b:{tmp_path}/c", "/", ROOT)
    assert (found.path, found.size, found.problem) == (str(wanted), 10, "")
    assert found.modified == wanted.stat().st_mtime_ns


def test_find_with_a_slash_is_beside_the_directory(tmp_path: Path) -> None:
    wanted = program(tmp_path / "bin" / "tool")
    assert find("bin/tool", "/usr/bin", str(tmp_path), ROOT).path == str(wanted)
    assert find(str(wanted), "", "/", ROOT).problem == ""


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("no-such-tool", "there is no program no-such-tool on PATH"),
        ("/no/such/tool", "/no/such/tool: No such file or directory"),
        ("./folder", "folder is not a file"),
        ("./text", "text is not executable for root"),
        ("text", "text is not executable for root"),
    ],
)
def test_find_of_what_cannot_run_says_why(tmp_path: Path, name: str, problem: str) -> None:
    program(tmp_path / "text", 0o644)
    (tmp_path / "folder").mkdir()
    assert problem in find(name, str(tmp_path), str(tmp_path), ROOT).problem


def test_find_without_the_working_directory_says_so() -> None:
    assert "working directory /no/such does not exist" in find("true", "/bin", "/no/such", ROOT).problem


@pytest.mark.root
@pytest.mark.parametrize(
    ("uid", "gid", "mode", "may"),
    [
        (4000, 0, 0o700, True),
        (4000, 0, 0o077, False),
        (0, 4002, 0o010, True),
        (0, 4001, 0o701, False),
        (0, 0, 0o001, True),
        (0, 0, 0o770, False),
    ],
)
def test_find_judges_by_the_users_own_bits(tmp_path: Path, uid: int, gid: int, mode: int, may: bool) -> None:
    tool = program(tmp_path / "tool", mode)
    os.chown(tool, uid, gid)
    assert (find(str(tool), "", "/", SOMEBODY).problem == "") is may
    assert (find(str(tool), "", "/", ROOT).problem == "") is True


def test_account_of_nobody_in_particular_is_ones_own() -> None:
    own = account(None)
    assert (own.uid, own.gid) == (os.geteuid(), os.getegid())
    assert account(own.name) == own


def test_account_unknown_is_refused() -> None:
    with pytest.raises(RunFailed, match="there is no user 'no-such-user'"):
        account("no-such-user")
