"""The prober's process, told and heard as the agent does it."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.host import proc
from agent.host.kinship import Companion
from agent.probes.prober.child import MOST_HUNG, TOO_MANY_HANG
from agent.probes.prober.frames import Lines, Order, Orders, Report, Result, decode_report, encode
from tests.probes.kinds.peers import answering, page, serving

COMMAND = (sys.executable, "-I", "-m", "agent", "probe")
TCP = {"send": None, "expect": None}
RUN: dict[str, Any] = {"reads": "exit_code", "user": None, "environment": {}, "directory": "/"}
PATIENCE = 60.0


class Prober:
    """A prober at work."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self.companion = Companion(COMMAND)
        self._lines = Lines()
        self.reports: list[Report] = []

    @property
    def results(self) -> list[Result]:
        return [result for report in self.reports for result in report.results]

    def order(self, *orders: Order) -> None:
        assert self.companion.tell(encode(Orders(orders, str(self._place / "scratch"))))

    def until(self, what: Callable[[], object]) -> None:
        """Hear it until something is so, or it has ended."""
        deadline = time.monotonic() + PATIENCE
        while not what():
            assert time.monotonic() < deadline, self.reports[-3:]
            select.select([self.companion.fileno()], [], [], 1.0)
            data = self.companion.hear()
            if data == b"":
                return
            self.reports += map(decode_report, self._lines.feed(data or b""))

    def of(self, serial: int) -> list[Result]:
        return [result for result in self.results if result.serial == serial]


@pytest.fixture
def prober(tmp_path: Path) -> Iterator[Prober]:
    made = Prober(tmp_path)
    yield made
    with contextlib.suppress(OSError):
        made.companion.end(kill=True)


def order(serial: int, kind: str, every: float, timeout: float, /, **settings: Any) -> Order:
    return Order(serial, f"probe-{serial}", kind, settings, every, timeout, 0.25 * every)


def hanging(serial: int, place: Path, every: float = 1.0) -> Order:
    """Return a probe whose thread never comes back: it opens a pipe into which nobody writes."""
    pipe = place / f"pipe-{serial}"
    os.mkfifo(pipe)
    return order(serial, "http", every, 0.2, matches=None, headers={}, bearer_token_file=str(pipe))


def test_prober_that_is_begun_removes_what_probes_remembered_that_are_no_more(prober: Prober, tmp_path: Path) -> None:
    for name in ("probe-1", "probe-2", "gone"):
        place = tmp_path / "scratch" / name
        place.mkdir(parents=True)
        (place / "position.json").write_text("{}")
    kept = order(1, "command", 1.0, 0.5, argv=["true"], **RUN)
    prober.order(kept, order(2, "command", 1.0, 0.5, argv=["true"], **RUN))
    prober.until(lambda: prober.of(1))
    assert {path.name for path in (tmp_path / "scratch").iterdir()} == {"probe-1", "probe-2"}
    assert (tmp_path / "scratch/probe-1/position.json").read_text() == "{}"
    before = len(prober.of(1))
    prober.order(kept)
    prober.until(lambda: len(prober.of(1)) > before)
    # A measurement of it may have been under way.
    assert (tmp_path / "scratch/probe-2").is_dir()


def test_prober_measures_at_instants_that_a_change_of_other_probes_does_not_move(
    prober: Prober, tmp_path: Path
) -> None:
    with serving(answering(page(b""))) as port:
        first = order(1, "tcp", 1.0, 0.9, host="127.0.0.1", port=port, **TCP)
        prober.order(first)
        prober.until(lambda: len(prober.of(1)) >= 2)
        prober.order(first, order(2, "tcp", 1.0, 0.9, host="127.0.0.1", port=port, **TCP))
        prober.until(lambda: len(prober.of(2)) >= 2)
        before = len(prober.of(2))
        prober.order(first)
        prober.until(lambda: len(prober.of(1)) >= 5)
    assert all(result.error == "" for result in prober.results)
    # The first one does not wait for its turn; all others come at the same part of a second of the monotonic clock.
    instants = [result.at - result.late for result in prober.of(1)][1:]
    parts = [instant - instants[0] for instant in instants]
    assert all(abs(part - round(part)) < 0.2 for part in parts), prober.of(1)
    assert len({round(part) for part in parts}) == len(parts)
    assert len(prober.of(2)) <= before + 1


def test_prober_reports_a_probe_that_hangs_and_delays_nobody(prober: Prober, tmp_path: Path) -> None:
    with serving(answering(page(b""))) as port:
        other = order(2, "tcp", 1.0, 0.9, host="127.0.0.1", port=port, **TCP)
        prober.order(hanging(1, tmp_path), other)
        prober.until(lambda: len(prober.of(1)) >= 2 and len(prober.of(2)) >= 3)
    assert all(result.hung and "hangs: no answer for" in result.error for result in prober.of(1))
    assert all(not result.samples for result in prober.of(1))
    assert all(result.error == "" and not result.hung for result in prober.of(2))
    assert prober.reports[-1].hung == 1


def test_prober_in_which_too_many_hang_says_so_and_ends(prober: Prober, tmp_path: Path) -> None:
    prober.order(*(hanging(serial, tmp_path, 60.0) for serial in range(1, MOST_HUNG + 2)))
    prober.until(lambda: False)
    assert prober.companion.end() == f"exit code {TOO_MANY_HANG}"
    assert prober.reports[-1].hung == MOST_HUNG + 1


def test_prober_whose_agent_lets_go_ends_with_all_that_it_runs(prober: Prober, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    argv = ["sh", "-c", f"echo $$ > {mark}; exec sleep 600"]
    prober.order(order(1, "command", 3600.0, 600.0, argv=argv, **RUN))
    prober.until(lambda: mark.exists() and mark.read_text())
    assert prober.companion.end() == ""
    wait_until_gone(int(mark.read_text()))


def test_prober_of_an_agent_that_is_killed_ends_with_all_that_it_runs(tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    script = f"""
import sys, time
from agent.host.kinship import Companion
from agent.probes.prober.frames import Order, Orders, encode
run = {{"reads": "exit_code", "user": None, "environment": {{}}, "directory": "/"}}
run["argv"] = ["sh", "-c", "echo $$ > {mark}; exec sleep 600"]
companion = Companion({COMMAND!r})
companion.tell(encode(Orders((Order(1, "it", "command", run, 3600.0, 600.0, 0.0),), {str(tmp_path)!r})))
print(companion.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        child = int(agent.stdout.readline())
        deadline = time.monotonic() + PATIENCE
        while not (mark.exists() and mark.read_text()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        agent.send_signal(signal.SIGKILL)
    wait_until_gone(child)
    wait_until_gone(int(mark.read_text()))


def test_prober_that_is_killed_leaves_no_program_behind(prober: Prober, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    argv = ["sh", "-c", f"echo $$ > {mark}; exec sleep 600"]
    prober.order(order(1, "command", 3600.0, 600.0, argv=argv, **RUN))
    prober.until(lambda: mark.exists() and mark.read_text())
    assert prober.companion.end(kill=True) == "signal 9"
    wait_until_gone(int(mark.read_text()))


def test_prober_that_is_begun_ends_what_one_that_was_killed_left_behind(prober: Prober, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    argv = ["sh", "-c", f"(setsid sh -c 'echo $$ > {mark}; exec sleep 600' &); exec sleep 600"]
    probe = order(1, "command", 3600.0, 600.0, argv=argv, **RUN)
    prober.order(probe)
    prober.until(lambda: mark.exists() and mark.read_text())
    left = int(mark.read_text())
    prober.companion.end(kill=True)
    assert proc.look(left) is not None
    prober.companion = Companion(COMMAND)
    prober.order(order(2, "command", 1.0, 0.5, argv=["true"], **RUN))
    wait_until_gone(left)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while (seen := proc.look(pid)) is not None and not seen.dead:
        assert time.monotonic() < deadline
        time.sleep(0.02)
