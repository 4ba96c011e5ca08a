"""Whoever asks for a reload is told what came of the files as they were when the look began, or later."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent.engine.reload import ANSWER, Answer, answered, ask
from agent.host.notify import Notifier
from tests.daemon.bench import Bench, counting, policy

BAD = "version: 1\ntasks: 5\n"


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as listener:
        listener.bind(str(tmp_path / "notify"))
        yield listener


@pytest.fixture
def at_work(make: Callable[..., Bench], tmp_path: Path, systemd: socket.socket) -> Iterator[Bench]:
    """A bench with one policy in force."""
    with closing(Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})) as notifier:
        bench = make(notifier=notifier)
        bench.write("a.yaml", policy())
        yield bench.start()


def heard(systemd: socket.socket) -> list[str]:
    """Return the first line of each message that systemd has got."""
    found = []
    try:
        while True:
            found.append(systemd.recv(4096).decode().partition("\n")[0])
    except BlockingIOError:
        return found


def reload(bench: Bench) -> Answer:
    """Ask as the command line does, and return the answer."""
    number = ask(bench.store)
    bench.policies.reload()
    bench.turn_until(lambda: answered(bench.store, number) is not None)
    told = answered(bench.store, number)
    assert told is not None
    return told


def test_reload_of_what_is_in_force_says_so_and_logs_one_line(
    at_work: Bench, systemd: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    told = reload(at_work)
    assert (told.valid, told.changed, told.files, told.tasks, told.mistakes) == (True, False, 1, 1, ())
    assert caplog.messages == [f"reload: policies {told.digest[:12]} are in force as before"]
    assert heard(systemd) == ["RELOADING=1", "READY=1"]


def test_reload_of_other_policies_answers_when_they_are_in_force(at_work: Bench, systemd: socket.socket) -> None:
    at_work.write("b.yaml", policy("second"))
    told = reload(at_work)
    assert (told.valid, told.changed, told.files, told.tasks) == (True, True, 2, 2)
    assert told.digest == at_work.cold() == at_work.put[-1].digest
    assert heard(systemd) == ["RELOADING=1", "READY=1"]


def test_reload_of_mistakes_names_them_each_time(at_work: Bench, systemd: socket.socket) -> None:
    at_work.write("b.yaml", BAD)
    first, second = reload(at_work), reload(at_work)
    assert (first.valid, first.digest, len(first.mistakes), first.more) == (False, at_work.put[0].digest, 1, 0)
    assert "b.yaml:2:8" in first.mistakes[0]
    assert second.mistakes == first.mistakes and second.number == first.number + 1
    assert heard(systemd) == ["RELOADING=1", "READY=1"] * 2


def test_reload_names_some_of_many_mistakes_and_counts_the_rest(at_work: Bench) -> None:
    wrong = "".join(f"  t{number}: 5\n" for number in range(80))
    at_work.write("b.yaml", f"version: 1\ntasks:\n{wrong}")
    told = reload(at_work)
    assert (len(told.mistakes), told.more) == (50, 30)


def test_reload_during_a_look_is_answered_by_the_next(make: Callable[..., Bench], tmp_path: Path) -> None:
    command, starts = counting(tmp_path)
    bench = make(command)
    bench.write("a.yaml", policy())
    bench.start()
    bench.write("b.yaml", policy("second"))
    bench.policies.reload()
    bench.turn_until(lambda: starts() == 2)
    # The first look has read b.yaml and its compiler is at work; what is written from here on counts too.
    bench.write("c.yaml", BAD)
    assert not reload(bench).valid


def test_nobody_is_answered_by_a_look_that_nobody_asked_for(at_work: Bench, systemd: socket.socket) -> None:
    at_work.write("b.yaml", policy("second"))
    at_work.policies.changed()
    at_work.turn_until(lambda: len(at_work.put) == 2)
    assert at_work.store.facts.get(ANSWER) is None
    assert heard(systemd) == []


def test_reload_before_the_first_set_is_answered_after_it(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.write("a.yaml", BAD)
    number = ask(bench.store)
    bench.policies.reload()
    bench.policies.start()
    assert answered(bench.store, number) is None
    bench.turn_until(lambda: answered(bench.store, number) is not None)
    told = answered(bench.store, number)
    assert told is not None and (told.valid, told.files) == (False, 0)
    assert not bench.policies.acting
    assert bench.policies.trouble.startswith(f"NO POLICIES are in force: {bench.directory}/a.yaml:2:8")
    bench.write("a.yaml", policy())
    assert reload(bench).valid
    assert (bench.policies.acting, bench.policies.trouble) == (True, "")
    bench.write("a.yaml", BAD)
    assert not reload(bench).valid
    assert bench.policies.acting
    assert bench.policies.trouble.startswith("the last good set is in force: ")


def test_requests_are_numbered_and_an_answer_serves_all_before_it(at_work: Bench) -> None:
    numbers = [ask(at_work.store) for _ in range(3)]
    told = reload(at_work)
    assert [number + 1 for number in numbers] == [*numbers[1:], told.number]
    assert all(answered(at_work.store, number) == told for number in numbers)
