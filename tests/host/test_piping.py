"""Programs at work together: their data, their ends, and nothing of them left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host.processes import SystemProcesses
from agent.ports import Program
from tests.host.commands import command, never, python
from tests.host.leftovers import carriers

pytestmark = pytest.mark.usefixtures("no_child_left")


def close(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


def test_piped_programs_pass_data_through_this_process(processes: SystemProcesses, word: str, tmp_path: Path) -> None:
    source, into = os.pipe()
    out_of, sink = os.pipe()
    target = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT, 0o600)
    programs = (
        Program(command("seq", "200000", word=word), stdout=into),
        Program(command("tr", "0-9", "a-j", word=word), stdin=out_of, stdout=target),
    )
    with processes.piped(programs, never) as running:
        close(into, out_of, target)
        with os.fdopen(sink, "wb") as writer:
            writer.write(read_all(source).upper())
    assert [one.code for one in running.completed] == [0, 0]
    text = (tmp_path / "out").read_text()
    assert text.endswith("caaaaa\n")
    assert len(text) == sum(len(str(number)) + 1 for number in range(1, 200_001))


def test_piped_messages_are_kept_apart_from_data(processes: SystemProcesses, word: str) -> None:
    source, into = os.pipe()
    with processes.piped(
        (Program(command("sh", "-c", "echo data; echo oops >&2; exit 3", word=word), stdout=into),), never
    ) as it:
        close(into)
        assert read_all(source) == b"data\n"
    assert (it.completed[0].code, it.completed[0].output) == (3, "oops\n")


def test_piped_messages_can_be_heard_while_it_works(processes: SystemProcesses, word: str) -> None:
    heard, into = os.pipe()
    endless = command("sh", "-c", "echo oops >&2; exec sleep 60 2>&-", word=word)
    with pytest.raises(ZeroDivisionError), processes.piped((Program(endless, stderr=into),), never) as it:
        close(into)
        assert read_all(heard) == b"oops\n"
        raise ZeroDivisionError
    assert (it.completed[0].code, it.completed[0].output) == (-9, "")


def test_piped_timeout_ends_the_data(processes: SystemProcesses, word: str) -> None:
    source, into = os.pipe()
    slow = command("sh", "-c", "echo begun; exec sleep 60", word=word, timeout=0.3, grace=1.0)
    with processes.piped((Program(slow, stdout=into),), never) as it:
        close(into)
        assert read_all(source) == b"begun\n"
    assert it.completed[0].timed_out
    assert it.completed[0].code == -15


def test_piped_told_to_stop_kills_who_does_not_listen(processes: SystemProcesses, word: str) -> None:
    source, into = os.pipe()
    deaf = command("sh", "-c", "trap '' TERM; echo begun; while :; do sleep 1; done", word=word, grace=0.2)
    told: list[bool] = []
    with processes.piped((Program(deaf, stdout=into),), lambda: bool(told)) as it:
        close(into)
        with os.fdopen(source, "rb", buffering=0) as reader:
            assert reader.read(6) == b"begun\n"
            told.append(True)
            assert reader.read(6) == b""
    assert it.completed[0].stopped
    assert it.completed[0].code == -9


def test_piped_exception_inside_ends_all_programs(processes: SystemProcesses, word: str) -> None:
    begun = time.monotonic()
    with pytest.raises(ZeroDivisionError), processes.piped((Program(command("sleep", "60", word=word)),), never) as it:
        raise ZeroDivisionError
    assert time.monotonic() - begun < 30
    assert it.completed[0].code == -9


def test_piped_second_program_missing_ends_the_first(processes: SystemProcesses, word: str) -> None:
    programs = (Program(command("sleep", "60", word=word)), Program(command("/no/such/program", word=word)))
    with pytest.raises(RunFailed, match="there is no such program"), processes.piped(programs, never):
        pass
    assert carriers(word) == []


def test_piped_detached_descendants_are_ended(processes: SystemProcesses, word: str) -> None:
    code = (
        "import os,time\nif os.fork()==0:\n os.setsid()\n if os.fork()==0:\n  time.sleep(60)\n os._exit(0)\nos.wait()"
    )
    with processes.piped((Program(command(*python(code), word=word)),), never) as it:
        pass
    assert it.completed[0].code == 0
    assert carriers(word) == []


def test_piped_inside_another_leaves_the_outer_at_work(processes: SystemProcesses, word: str) -> None:
    asked, answers = os.pipe()
    questions, ask = os.pipe()
    outer = Program(command("cat", word=word), stdin=questions, stdout=answers)
    with processes.piped((outer,), never) as around:
        close(questions, answers)
        with processes.piped((Program(command("true", word=word)),), never) as inner:
            pass
        assert inner.completed[0].code == 0
        assert processes.run(command("true", word=word), never).code == 0
        os.write(ask, b"still there\n")
        close(ask)
        assert read_all(asked) == b"still there\n"
    assert around.completed[0].code == 0


def test_piped_reader_that_dies_breaks_the_pipe_and_tells_its_code(processes: SystemProcesses, word: str) -> None:
    out_of, sink = os.pipe()
    with (
        pytest.raises(BrokenPipeError),
        processes.piped((Program(command("false", word=word), stdin=out_of),), never) as it,
    ):
        close(out_of)
        with os.fdopen(sink, "wb", buffering=0) as writer:
            while True:
                writer.write(b"x" * 65536)
    assert it.completed[0].code in (1, -9)
