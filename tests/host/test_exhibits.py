"""What is collected of this very host."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from agent.daemon.collecting import SECONDS as TOGETHER
from agent.host.clock import SystemClock
from agent.host.exhibits import OF_HOST, SECONDS, collected, network, pressure, processes, promptly
from agent.host.tools import name_of, output_of


def test_each_exhibit_says_something_or_why_not() -> None:
    found = collected(OF_HOST, SystemClock())
    assert [one.name for one in found] == ["processes", "pressure", "units", "log", "network"]
    for one in found:
        assert one.text or one.error, one.name


def test_exhibit_that_fails_takes_no_other_along_and_shows_no_secret() -> None:
    def fails() -> tuple[str, str]:
        raise OSError(5, "Input/output error")

    first, second = collected(
        (("bad", "Bad", fails), ("good", "Good", lambda: ("password=hunter2 user=ada", ""))), SystemClock()
    )
    assert (first.text, first.error) == ("", "OSError: [Errno 5] Input/output error")
    assert "hunter2" not in second.text
    assert "user=ada" in second.text


def test_exhibit_with_names_that_are_no_text_can_be_kept() -> None:
    (found,) = collected((("odd", "Odd", lambda: ("a \udcff", "b \udcfe")),), SystemClock())
    assert (found.text, found.error) == ("a \\udcff", "b \\udcfe")


def test_exhibit_that_hangs_is_left_behind() -> None:
    never = threading.Event()

    def hangs() -> tuple[str, str]:
        never.wait()
        return "too late", ""

    said = promptly(hangs, 0.05)()
    never.set()
    assert said == ("", "no answer within 0.05 s")
    assert promptly(lambda: ("here", ""))() == ("here", "")
    assert len(OF_HOST) * SECONDS < TOGETHER


def test_processes_name_this_one_without_its_arguments() -> None:
    text, error = processes.collect()
    assert error == ""
    assert len(text.splitlines()) <= 2 * (processes.ROWS + 2) + 1
    assert "test_exhibits" not in text


def test_pressure_tells_of_memory_and_the_root_file_system() -> None:
    text, _ = pressure.collect()
    assert "MemAvailable" in text
    assert any(line.endswith("  mount point") for line in text.splitlines())


def test_network_tells_who_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        text, _ = network.collect()
    assert f"127.0.0.1:{port} " in text
    assert "lo " in text


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["/nowhere/at/all"], "/nowhere/at/all: No such file or directory"),
        (["sh", "-c", "echo oops >&2; exit 3"], "sh: oops"),
        (["sh", "-c", "exit 3"], "sh: exit code 3"),
        (["sleep", "60"], "sleep did not answer within 0 s"),
    ],
)
def test_tool_that_does_not_answer_well_says_nothing_but_why(argv: list[str], error: str) -> None:
    assert output_of(argv, seconds=0.3 if argv[0] == "sleep" else 30) == ("", error)


def test_process_is_named_by_name_and_id_or_by_its_id_when_it_is_gone() -> None:
    assert name_of(os.getpid()).endswith(f" ({os.getpid()})")
    assert name_of(2**30) == str(2**30)
