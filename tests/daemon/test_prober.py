"""The prober as the daemon sees it: programs that behave as no prober should."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from agent.daemon.loop import Loop
from agent.daemon.prober import FIRST_PAUSE, LONGEST_PAUSE, SILENT_SECONDS, STEADY_SECONDS, Prober
from agent.host import proc
from agent.model.policies import Position, Probe
from agent.probes.prober.frames import Report, Result
from tests.fakes import FakeClock

NOWHERE = Position("p.yaml", 1, 1)
HELLO = (
    'import sys; sys.stdout.write(\'[[[%d, 1.0, 0.0, 0.5, [["up", [], 1.0]], ""]], 0, 0.1, 1]\\n\'); sys.stdout.flush()'
)
STAY = "; sys.stdin.read()"


def probe(name: str, **settings: object) -> Probe:
    return Probe(name=name, kind="tcp", settings=settings, every=10, timeout=5, jitter=10, position=NOWHERE)


class Daemon:
    """What a prober stands in: a loop on a clock of the test's, and ears."""

    def __init__(self, command: Sequence[str]) -> None:
        self.clock = FakeClock()
        self.loop = Loop(self.clock, lambda _: None, lambda: None)
        self.heard: list[tuple[Probe, Result]] = []
        self.failed: list[str] = []
        self.prober = Prober(
            self.loop,
            self.clock,
            host="host",
            scratch="/nonexistent",
            take=self._take,
            fail=lambda probes, why: self.failed.append(f"{len(probes)}: {why}"),
            command=command,
        )

    def _take(self, report: Report, found: Sequence[tuple[Probe, Result]]) -> None:
        del report
        self.heard += found

    def turn_until_failed(self, times: int) -> None:
        for _ in range(600):
            if len(self.failed) >= times:
                return
            self.loop.turn(0.1)
        raise AssertionError(self.failed)


@contextmanager
def daemon(script: str) -> Iterator[Daemon]:
    made = Daemon([sys.executable, "-c", script])
    try:
        yield made
    finally:
        made.prober.stop()
        made.loop.close()


def test_prober_that_says_nothing_is_killed_and_begun_anew() -> None:
    with daemon("import sys, time; time.sleep(600)") as it:
        it.prober.put_in_force({"home": probe("home")})
        before = it.prober.pid
        assert before is not None
        it.clock.sleep(SILENT_SECONDS + 1)
        it.loop.turn(0)
        assert it.failed == [
            f"1: the prober is begun anew: it has said nothing for {SILENT_SECONDS:.0f} s with signal 9"
        ]
        assert proc.look(before) is None
        it.clock.sleep(FIRST_PAUSE)
        it.loop.turn(0)
        assert it.prober.pid not in (None, before)
        assert it.prober.restarts == 1


@pytest.mark.parametrize("said", ["'nonsense\\n'", "'[[], 1]\\n'", "'x' * (1 << 25)"])
def test_prober_that_talks_nonsense_is_killed_and_begun_anew(said: str) -> None:
    with daemon(f"import sys; sys.stdout.write({said}); sys.stdout.flush(); sys.stdin.read()") as it:
        it.prober.put_in_force({"home": probe("home")})
        it.turn_until_failed(1)
        assert "it talks nonsense" in it.failed[0]
        assert it.heard == []


def test_prober_that_ends_again_and_again_is_begun_anew_ever_more_seldom() -> None:
    with daemon("raise SystemExit(75)") as it:
        it.prober.put_in_force({"home": probe("home"), "shop": probe("shop")})
        pause = FIRST_PAUSE
        for times in range(1, 9):
            it.turn_until_failed(times)
            assert it.failed[-1] == "2: the prober is begun anew: it ended with exit code 75"
            assert it.prober.pid is None
            it.clock.sleep(pause - 0.01)
            it.loop.turn(0)
            assert it.prober.pid is None
            it.clock.sleep(0.02)
            it.loop.turn(0)
            pause = min(2 * pause, LONGEST_PAUSE)
        assert pause == LONGEST_PAUSE


def test_prober_that_was_steady_is_begun_anew_at_once_again() -> None:
    with daemon("raise SystemExit(1)") as it:
        it.prober.put_in_force({"home": probe("home")})
        for times in (1, 2):
            it.turn_until_failed(times)
            it.clock.sleep(2 * LONGEST_PAUSE)
            it.loop.turn(0)
        it.clock.sleep(STEADY_SECONDS)
        it.turn_until_failed(3)
        it.clock.sleep(FIRST_PAUSE)
        it.loop.turn(0)
        assert it.prober.restarts == 3


def test_results_of_a_definition_that_is_no_longer_in_force_are_passed_over() -> None:
    with daemon(HELLO % 1 + STAY) as it:
        it.prober.put_in_force({"home": probe("home", port=1)})
        it.prober.put_in_force({"home": probe("home", port=2)})
        for _ in range(20):
            it.loop.turn(0.05)
        assert it.heard == []


def test_definition_that_only_moved_in_its_file_stays_the_same() -> None:
    with daemon(HELLO % 1 + STAY) as it:
        it.prober.put_in_force({"home": probe("home", port=1)})
        before = it.prober.pid
        it.prober.put_in_force({"home": probe("home", port=1), "shop": probe("shop")})
        assert it.prober.pid == before
        for _ in range(600):
            if it.heard:
                break
            it.loop.turn(0.1)
        (heard,) = it.heard
        assert (heard[0].name, heard[1].samples) == ("home", (("up", (), 1.0),))


def test_prober_without_probes_is_ended_and_not_begun_anew() -> None:
    with daemon("import sys; sys.stdin.read()") as it:
        it.prober.put_in_force({"home": probe("home")})
        it.prober.put_in_force({})
        assert it.prober.pid is None
        it.clock.sleep(10 * LONGEST_PAUSE)
        it.loop.turn(0)
        assert (it.prober.pid, it.failed) == (None, [])


def test_prober_that_cannot_be_started_is_an_error_of_its_probes() -> None:
    it = Daemon(["/nonexistent/program"])
    it.prober.put_in_force({"home": probe("home")})
    assert "the host has no process to spare" in it.failed[0]
    it.prober.stop()
    it.loop.close()
