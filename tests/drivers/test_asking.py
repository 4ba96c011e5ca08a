from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.drivers import asking
from agent.errors import RunFailed
from agent.ports import Completed


def completed(output: str = "", code: int = 1, *, stopped: bool = False, timed_out: bool = False) -> Completed:
    return Completed(code, output, len(output), timed_out, 0.0, stopped)


def test_said_is_one_line_within_bounds_that_hides_nothing() -> None:
    assert asking.said(completed("a\n\n  b \n")) == "a; b (exit code 1)"
    assert asking.said(completed("", -9)) == "signal 9"
    assert "\x1b" not in asking.said(completed("\x1b[2Jerror"))
    long = asking.said(completed("x" * 5000 + "\nthe end"))
    assert len(long) < 700
    assert "the end" in long


def test_require_lets_pass_what_ended_well_alone() -> None:
    asking.require(completed(code=0), "it")
    for bad, why in (
        (completed("no"), "it: no"),
        (completed(code=0, stopped=True), "it: the run was asked to stop"),
        (completed(code=0, timed_out=True), "it: no end within its time"),
    ):
        with pytest.raises(RunFailed, match=why):
            asking.require(bad, "it")


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines\n", b"\xff\n", b"a\0b\n"])
def test_password_of_a_file_that_is_none_is_refused_and_not_repeated(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "pw").write_bytes(content)
    with pytest.raises(RunFailed, match="pw") as caught:
        asking.password(str(tmp_path / "pw"))
    assert "two" not in str(caught.value)


def test_password_is_the_line_without_its_end(tmp_path: Path) -> None:
    (tmp_path / "pw").write_bytes(b" pass word \r\n")
    assert asking.password(str(tmp_path / "pw")) == " pass word "


def test_held_texts_are_read_from_their_beginning() -> None:
    with asking.held(b"one", b"", b"x" * 3_000_000) as descriptors:
        assert [len(os.read(descriptor, 4_000_000)) for descriptor in descriptors] == [3, 0, 3_000_000]


def test_program_is_found_by_any_of_its_names_or_told_with_advice(tmp_path: Path) -> None:
    (tmp_path / "second").write_text("#!/bin/sh\n")
    (tmp_path / "second").chmod(0o755)
    assert asking.program(["first", "second"], str(tmp_path), "") == str(tmp_path / "second")
    with pytest.raises(RunFailed, match="no program first on this host: install it"):
        asking.program(["first", "third"], str(tmp_path), "install it")
