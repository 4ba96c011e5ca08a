from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from agent.daemon.compiler import COMMAND, FAILED, Compiler
from agent.daemon.loop import Loop
from agent.policy.protocol import Answer, Status
from tests.fakes import FakeClock

GOOD = "version: 1\ntasks: {hello: {action: command.run, with: {command: [echo]}}}\n"
BAD = "version: 1\ntasks: {hello: {action: command.rum}}\n"
STAND_IN = (sys.executable, str(Path(__file__).with_name("stand_in_compiler.py")))


class Heard:
    """Collects what the compiler says."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.done = 0

    def take(self, answer: Answer) -> None:
        assert answer.file not in self.answers, "answered twice"
        self.answers[answer.file] = answer

    def end(self) -> None:
        self.done += 1

    def says(self, name: str) -> str:
        return " ".join(mistake.wrong for mistake in self.answers[name].mistakes)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop(FakeClock(), lambda _: None, lambda: None)
    yield made
    made.close()


@pytest.fixture(params=["waiting", "turning"])
def waits(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "waiting")


def compiler(directory: Path, heard: Heard, command: Sequence[str] = STAND_IN) -> Compiler:
    return Compiler(str(directory), lambda: ("command.run",), heard.take, heard.end, command)


def compile_all(made: Compiler, heard: Heard, names: Sequence[str], loop: Loop | None) -> None:
    """Compile, and turn the loop, if there is one, until it is done."""
    made.compile(tuple(names), loop)
    end = time.monotonic() + 30
    while loop is not None and not heard.done:
        assert time.monotonic() < end
        loop.turn(0.1)


def test_compiler_answers_for_every_file(tmp_path: Path, heard: Heard, loop: Loop, waits: bool) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    made = compiler(tmp_path, heard, COMMAND)
    compile_all(made, heard, ["bad.yaml", "gone.yaml", "good.yaml"], None if waits else loop)
    found = {name: answer.status for name, answer in heard.answers.items()}
    assert found == {"bad.yaml": Status.MISTAKES, "gone.yaml": Status.GONE, "good.yaml": Status.OK}
    assert str(heard.answers["bad.yaml"].mistakes[0]).startswith(f"{tmp_path}/bad.yaml:2:25: tasks.hello.action: ")
    assert (heard.done, made.running) == (1, False)


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("kill-it.yaml", "signal 9"),
        ("exit-it.yaml", "exit code 3"),
        ("stop-it.yaml", "it stopped early"),
        ("half-it.yaml", "signal 9"),
    ],
)
def test_compiler_that_dies_on_a_file_answers_for_the_others(
    tmp_path: Path, heard: Heard, loop: Loop, waits: bool, name: str, how: str
) -> None:
    names = ["a.yaml", name, "b.yaml", "c.yaml"]
    compile_all(compiler(tmp_path, heard), heard, names, None if waits else loop)
    assert heard.says(name) == f"reading it ended the compiler ({how})"
    assert heard.answers[name].signature == FAILED
    assert [heard.says(other) for other in ("a.yaml", "b.yaml", "c.yaml")] == ["bad"] * 3
    assert heard.done == 1


def test_compiler_that_dies_on_every_file_comes_to_an_end(
    tmp_path: Path, heard: Heard, loop: Loop, waits: bool
) -> None:
    names = [f"kill-{number}.yaml" for number in range(30)]
    compile_all(compiler(tmp_path, heard), heard, names, None if waits else loop)
    assert {heard.says(name) for name in names} == {"reading it ended the compiler (signal 9)"}
    assert heard.done == 1


def test_compiler_that_cannot_even_begin_fails_on_each_file(tmp_path: Path, heard: Heard, loop: Loop) -> None:
    compile_all(compiler(tmp_path, heard, (sys.executable, "-c", "raise SystemExit(7)")), heard, ["a", "b"], loop)
    assert [heard.says(name) for name in ("a", "b")] == ["reading it ended the compiler (exit code 7)"] * 2


def test_compiler_that_cannot_be_started_is_not_running(tmp_path: Path, heard: Heard, loop: Loop) -> None:
    made = compiler(tmp_path, heard, ("/nonexistent/compiler",))
    with pytest.raises(OSError, match="nonexistent"):
        made.compile(("a",), loop)
    assert not made.running
    loop.turn(0)


def test_compiler_stopped_leaves_neither_process_nor_descriptor(tmp_path: Path, heard: Heard, loop: Loop) -> None:
    script = "import sys, time; open(sys.argv[1], 'w').close(); time.sleep(100)"
    begun = tmp_path / "begun"
    made = compiler(tmp_path, heard, (sys.executable, "-c", script, str(begun)))
    before = (len(os.listdir("/proc/self/fd")), psutil.Process().children())
    made.compile(("a",), loop)
    assert made.running
    end = time.monotonic() + 10
    while not begun.exists():
        assert time.monotonic() < end
        loop.turn(0.05)
    made.stop()
    made.stop()
    loop.turn(0)
    assert (made.running, heard.done) == (False, 0)
    assert (len(os.listdir("/proc/self/fd")), psutil.Process().children()) == before
