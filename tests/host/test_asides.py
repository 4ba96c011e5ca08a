"""Commands beside one another."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from agent.errors import RunFailed
from agent.host import proc
from agent.host.asides import Answer, Asides
from agent.ports import Command


def command(*argv: str, timeout: float = 60.0, limit: int = 1 << 16) -> Command:
    environment = {"PATH": os.environ["PATH"]}
    return Command(
        argv=argv,
        user=None,
        environment=environment,
        directory="/",
        timeout=timeout,
        grace=0.2,
        output_limit=limit,
    )


def never() -> bool:
    return False


def test_aside_gets_its_input_and_gives_output_and_messages_apart() -> None:
    found = Asides().ask(command("sh", "-c", "cat; echo why >&2; exit 3"), never, b"hello")
    assert (found.output, found.cut, found.completed.code, found.completed.output) == (b"hello", False, 3, "why\n")


def test_aside_that_writes_too_much_is_ended_and_its_first_bytes_kept() -> None:
    found = Asides().ask(command("yes"), never, most=1000)
    assert found.cut
    assert found.output == b"y\n" * 500


def test_aside_that_hangs_delays_no_other() -> None:
    asides = Asides()
    over = threading.Event()
    answers: list[Answer] = []
    hanging = threading.Thread(target=lambda: answers.append(asides.ask(command("sleep", "600"), over.is_set)))
    hanging.start()
    try:
        assert asides.ask(command("echo", "here"), never).output == b"here\n"
        assert hanging.is_alive()
    finally:
        over.set()
        hanging.join()
    assert answers[0].completed.stopped


def test_aside_leaves_nothing_behind_and_spares_who_is_none_of_it(tmp_path: Path) -> None:
    asides = Asides()
    mark = tmp_path / "pid"
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        script = f"setsid sh -c 'echo $$ > {mark}; exec sleep 600' & while ! test -s {mark}; do sleep 0.01; done"
        asides.ask(command("sh", "-c", script), never)
        left = proc.look(int(mark.read_text()))
        assert left is None or left.dead
        alive = proc.look(bystander.pid)
        assert alive is not None
        assert not alive.dead
    finally:
        bystander.kill()
        bystander.wait()


def test_aside_of_a_program_that_is_not_there_is_refused() -> None:
    with pytest.raises(RunFailed, match="there is no program no-such-program"):
        Asides().ask(command("no-such-program"), never)


def test_asides_are_all_ended_at_once() -> None:
    asides = Asides()
    answers: list[Answer] = []
    thread = threading.Thread(target=lambda: answers.append(asides.ask(command("sleep", "600"), never)))
    thread.start()
    deadline = time.monotonic() + 30
    while not any(Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"sleep") for pid in proc.children(os.getpid())):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    asides.end_all()
    thread.join()
    assert answers[0].completed.code == -9
