"""Hostile files: each is decided by the compiler's process, which lives, in bounded time and memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import Mistake
from agent.policy.bounds import MAX_BYTES
from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.policy.fragments import load_fragment
from agent.policy.protocol import Answers, Request, Status
from tests.policy.hostile import HOSTILE

GOOD = {"comments behind a policy", "many good tasks", "many unknown references", "one long way of needs"} | {
    "anchors of many names",
    "other line ends",
    "right to left",
}
"""Large or odd, but nothing is wrong with them by themselves."""

COMPILER = [sys.executable, "-I", "-m", "agent", "compile-policies"]

MEASURED = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:])
_, status, used = os.wait4(process.pid, 0)
print(used.ru_utime, used.ru_maxrss, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command and says what it took. A process counts the memory of whoever started it as its own, and this one is
small."""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, data in HOSTILE.items():
        (folder / f"{name.replace(' ', '-').replace('/', '-')}.yaml").write_bytes(data)
    return folder


def test_compiler_decides_every_hostile_file_within_its_bounds(directory: Path, tmp_path: Path) -> None:
    names = tuple(sorted(path.name for path in directory.iterdir()))
    request = Request(str(directory), names, ("command.run", "files.retain"))
    with (tmp_path / "asked").open("w+b") as asked, (tmp_path / "told").open("w+b") as told:
        asked.write(request.encode())
        asked.seek(0)
        argv = [sys.executable, "-c", MEASURED, *COMPILER]
        done = subprocess.run(argv, stdin=asked, stdout=told, stderr=subprocess.PIPE, check=False)
        told.seek(0)
        output = told.read()
    assert done.returncode == 0, done.stderr[-2000:]
    seconds, kilobytes = map(float, done.stderr.split()[-2:])
    answers = Answers(request)
    statuses = {answer.file: answer.status for answer in answers.feed(output)}
    assert answers.left() == ()
    good = {f"{name.replace(' ', '-')}.yaml" for name in GOOD}
    assert {name for name, status in statuses.items() if status is Status.OK} == good
    # On average a fifth of a second; twice that and something has begun to grow faster than the file.
    assert seconds < 0.4 * len(names)
    assert kilobytes < 250_000


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_decided_in_little_time(name: str, compiler: Compiler) -> None:
    """In this process too: a limit on its CPU time would end it, so the bound is generous and the check is a signal."""
    begun = os.times()
    mistakes: tuple[Mistake, ...] = ()
    try:
        assert load_fragment(compiler.policy(HOSTILE[name], "hostile.yaml").fragment(), "hostile.yaml", "")
    except Broken as broken:
        mistakes = broken.mistakes
    ended = os.times()
    assert (name in GOOD) == (mistakes == ())
    assert len(mistakes) <= 501
    assert all(len(str(mistake)) < 1000 for mistake in mistakes)
    assert ended.user + ended.system - begun.user - begun.system < 3.0


def test_no_hostile_file_is_refused_for_its_size_alone_but_the_one_that_is_too_large() -> None:
    assert [name for name, data in HOSTILE.items() if len(data) > MAX_BYTES] == ["too large"]


def test_hostile_tag_had_no_effect() -> None:
    assert not Path("/tmp/owned").exists()
