"""What becomes of the results of probes: each is judged and kept by when it was measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.daemon.probing import Probing
from agent.daemon.reacting import Reaction
from agent.daemon.recorder import Recorder
from agent.daemon.thresholds import Thresholds
from agent.metrics import Metrics
from agent.model.policies import PolicySet
from agent.model.settings import SampleSettings
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.probes.prober.frames import Report, Result
from agent.store import Store
from tests.fakes import FakeClock

POLICY = """version: 1
probes:
  queue: {command: {argv: [/bin/true], reads: number}, every: 1s}
thresholds:
  long: {signal: queue.value, above: 10, for: 1s}
"""
KEEP = SampleSettings(raw=3600.0, kept=86400.0, series=100)


class Bench:
    """A probe of every second, whose results a test hands in."""

    def __init__(self, store: Store, policies: PolicySet) -> None:
        self.clock = FakeClock()
        self.store = store
        self.reactions: list[Reaction] = []
        self.recorder = Recorder(store, KEEP)
        metrics = Metrics(SIGNALS, "1", 0.0)
        self.thresholds = Thresholds(store, lambda: pytest.fail("nobody measures the host"), 10.0)
        self.thresholds.put_in_force(policies, self.now)
        self.probing = Probing(store, metrics, self.thresholds, self.recorder, self.clock, self.reactions.extend)
        self._probe = policies.probes["queue"]

    @property
    def now(self) -> float:
        return self.clock.now().timestamp()

    def hear(self, *found: tuple[float, float]) -> None:
        """Hand in a report of results: by the prober's clock when each began, and its number."""
        results = tuple(
            Result(serial=0, at=at, late=0.0, seconds=0.1, samples=(("value", (), number),), error="")
            for at, number in found
        )
        self.probing.take(Report(results, 0, 0.0, 1), [(self._probe, result) for result in results])

    def kept(self) -> list[tuple[float, float]]:
        """Return what was kept: seconds before now, and numbers."""
        self.recorder.flush(self.now)
        points = self.store.samples.read(("queue.value", ()), 0.0, self.now + 1.0)
        return [(round(self.now - at, 1), number) for at, number in zip(points.times, points.mean, strict=True)]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    directory = tmp_path / "policies"
    directory.mkdir(mode=0o755)
    (directory / "policy.yaml").write_text(POLICY)
    with Store(str(tmp_path / "state")) as store:
        yield Bench(store, load(str(directory), SIGNALS, root=False))


def test_results_that_come_together_are_judged_and_kept_apart(bench: Bench) -> None:
    began = bench.now
    bench.clock.sleep(1.2)
    bench.hear((began, 20.0), (began + 1.0, 20.0))
    assert [one.threshold for one in bench.reactions] == ["long"]
    assert bench.kept() == [(1.0, 20.0), (0.0, 20.0)]


def test_result_that_took_long_is_not_judged_before_the_one_before_it(bench: Bench) -> None:
    bench.hear((bench.now - 3.0, 20.0))
    bench.clock.sleep(1.0)
    bench.hear((bench.now - 2.5, 20.0), (bench.now - 0.5, 20.0))
    assert [one.threshold for one in bench.reactions] == ["long"]


@pytest.mark.parametrize("seconds", [-3600.0, 3600.0])
def test_results_between_which_the_clock_was_set_are_judged_by_the_present(bench: Bench, seconds: float) -> None:
    began = bench.now
    bench.clock.step(seconds)
    bench.hear((began, 1.0), (bench.now, 2.0))
    assert [before for before, _ in bench.kept()] == [0.0]
