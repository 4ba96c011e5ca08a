"""Every way in which a daemon, its runs and what they started can lose one another."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from agent.host import proc
from agent.host.run_process import EXIT_UNKNOWN
from tests.host.daemons import CLEANED, Daemon, nothing_is_left, run_process, start_nasty
from tests.host.leftovers import carriers, until


def test_kill_leaves_no_descendant(daemon: Daemon, tmp_path: Path, word: str) -> None:
    start_nasty(daemon, 1, tmp_path, word)
    daemon("kill", run=1)
    assert daemon("wait", run=1, seconds=5) == daemon.told(-9)
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_kill_leaves_no_descendant_with_a_clean_environment(daemon: Daemon, tmp_path: Path, word: str) -> None:
    ready = tmp_path / "ready"
    daemon("start", run=1, argv=[*run_process(CLEANED), str(ready), word])
    until(ready.exists)
    daemon("kill", run=1)
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_close_after_the_run_was_killed_leaves_nothing(daemon: Daemon, tmp_path: Path, word: str) -> None:
    pid, _ = start_nasty(daemon, 1, tmp_path, word)
    os.kill(pid, signal.SIGKILL)
    assert daemon("wait", run=1, seconds=5) == daemon.told(-9)
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_adopt_after_the_daemon_was_killed_watches_and_kills(state: Path, kind: str, tmp_path: Path, word: str) -> None:
    first = Daemon(state, kind, word)
    pid, started = start_nasty(first, 1, tmp_path, word)
    first.die()
    second = Daemon(state, kind, word)
    assert not second("adopt", run=1, pid=pid, started=started + 1)
    assert not second("adopt", run=1, pid=2**22, started=started)
    assert second("adopt", run=1, pid=pid, started=started)
    assert second("wait", run=1, seconds=0.05) is None
    second("kill", run=1)
    assert second("wait", run=1, seconds=5) == EXIT_UNKNOWN
    second("close", run=1)
    assert carriers(word) == [second.process.pid]
    second.leave()


def test_adopted_run_that_then_dies_leaves_nothing(state: Path, kind: str, tmp_path: Path, word: str) -> None:
    first = Daemon(state, kind, word)
    pid, started = start_nasty(first, 1, tmp_path, word)
    first.die()
    second = Daemon(state, kind, word)
    assert second("adopt", run=1, pid=pid, started=started)
    os.kill(pid, signal.SIGKILL)
    assert second("wait", run=1, seconds=5) == EXIT_UNKNOWN
    second("close", run=1)
    assert carriers(word) == [second.process.pid]
    second.leave()


def test_sweep_of_leftovers_ends_what_a_run_left_that_ended_without_a_daemon(
    state: Path, kind: str, tmp_path: Path, word: str
) -> None:
    first = Daemon(state, kind, word)
    pid, _ = start_nasty(first, 1, tmp_path, word)
    first.die()
    os.kill(pid, signal.SIGKILL)
    second = Daemon(state, kind, word)
    # What a unit leaves behind may have been ended by systemd before anybody asks.
    assert second("leftovers") == [1] or kind == "systemd"
    second("sweep", run=1)
    assert second("leftovers") == []
    assert carriers(word) == [second.process.pid]
    second.leave()


@pytest.mark.parametrize("kind", ["cgroup", "systemd"], indirect=True)  # only a group knows whose unmarked orphans are
def test_close_after_the_run_was_killed_ends_those_without_a_marker(daemon: Daemon, tmp_path: Path, word: str) -> None:
    ready = tmp_path / "ready"
    pid, _ = daemon("start", run=1, argv=[*run_process(CLEANED), str(ready), word])
    until(ready.exists)
    os.kill(pid, signal.SIGKILL)
    daemon("wait", run=1, seconds=5)
    daemon("close", run=1)
    nothing_is_left(daemon, word)


def test_sweep_after_daemon_and_run_were_killed_leaves_nothing(
    state: Path, kind: str, tmp_path: Path, word: str
) -> None:
    first = Daemon(state, kind, word)
    pid, started = start_nasty(first, 1, tmp_path, word)
    first.die()
    os.kill(pid, signal.SIGKILL)
    until(lambda: proc.same(pid, started) is None)
    second = Daemon(state, kind, word)
    assert not second("adopt", run=1, pid=pid, started=started)
    second("sweep", run=1)
    assert carriers(word) == [second.process.pid]
    second.leave()


def test_run_that_ends_well_after_its_daemon_was_killed_leaves_no_group(
    state: Path, kind: str, word: str, tmp_path: Path
) -> None:
    first = Daemon(state, kind, word)
    end = tmp_path / "end"
    body = f"while not os.path.exists({str(end)!r}): time.sleep(0.01)"
    pid, started = first("start", run=1, argv=run_process(body))
    first.die()
    end.touch()
    until(lambda: proc.same(pid, started) is None)
    second = Daemon(state, kind, word)
    assert second("leftovers") == ([1] if kind == "cgroup" else [])
    second("sweep", run=1)
    second.leave()
