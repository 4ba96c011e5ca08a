"""Commands that may write to their own places alone, and whose output somebody else gets as well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.host.output import Tail
from agent.host.processes import SystemProcesses
from tests.host.commands import command, never

pytestmark = pytest.mark.usefixtures("no_child_left")
LOOK = "import sys; from agent.host.readonly import forbid_writing; sys.exit(not forbid_writing())"


@pytest.fixture(scope="module")
def _landlock() -> None:
    if subprocess.run([sys.executable, "-c", LOOK], check=False).returncode:
        pytest.skip("this kernel has no Landlock")


@pytest.mark.usefixtures("_landlock")
@pytest.mark.parametrize("user", [None, pytest.param("nobody", marks=pytest.mark.root)])
def test_command_writes_to_its_own_places_alone(tmp_path: Path, user: str | None) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    mine, state, file = tmp_path / "mine", tmp_path / "state", tmp_path / "file"
    mine.mkdir()
    state.mkdir()
    file.touch()
    for path in (mine, state, file):
        path.chmod(0o777)
    processes = SystemProcesses(writable=[str(mine), str(file), str(tmp_path / "missing"), "/dev"])
    script = (
        f"echo a >{mine}/a; mkdir {mine}/b; mv {mine}/a {mine}/b; echo c >{file}; echo d >/dev/null; echo e >{state}/e"
    )
    completed = processes.run(command("sh", "-c", script, user=user), never)
    assert completed.output.count("denied") == 1, completed.output
    assert (mine / "b" / "a").read_text() == "a\n"
    assert file.read_text() == "c\n"
    assert list(state.iterdir()) == []


def test_all_output_goes_to_the_copy_and_its_end_is_kept(tmp_path: Path) -> None:
    with open(tmp_path / "copy", "wb") as copy:
        completed = SystemProcesses(copy=copy.fileno()).run(command("seq", "1", "100000", output_limit=13), never)
    assert completed.output == "99999\n100000\n"
    assert (tmp_path / "copy").read_bytes().count(b"\n") == 100_000


def test_copy_that_nobody_takes_is_given_up_and_the_output_is_not() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    given, end = os.pipe()
    os.write(end, b"words")
    os.close(end)
    tail = Tail(100, copy=writer)
    assert not tail.read(given)
    os.close(given)
    os.close(writer)
    assert tail.text() == "words"
