"""What becomes of what probes measure: thresholds, metrics, the trail, and a fact in the store for the command line."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from agent.daemon.loop import Loop
from agent.daemon.reacting import Reaction
from agent.daemon.recorder import Recorder
from agent.daemon.thresholds import Thresholds
from agent.engine.in_force import PROBES
from agent.metrics import Metrics
from agent.metrics.records import ProbeFacts, ProberFacts
from agent.model.policies import Probe
from agent.model.samples import Key, Samples
from agent.model.signals import Labels, Sampling
from agent.ports import Clock
from agent.store import Store

if TYPE_CHECKING:  # imported when there are probes
    from agent.daemon.prober import Prober
    from agent.probes.prober.frames import Report, Result

LOG = logging.getLogger(__name__)
PAUSE, LONG_PAUSE = 10.0, 60.0
"""Seconds between two changes of that fact: of which probes there are in it, and of what it says of them."""

APART = 10.0
"""Seconds by which results of a probe in one report differ at most; more is a clock that was set."""

Reacted = Callable[[Sequence[Reaction]], None]
"""Hear what fired and cleared."""


class Probing:
    """Stands between the prober and those who hear of what it measures."""

    def __init__(
        self,
        store: Store,
        metrics: Metrics,
        thresholds: Thresholds,
        recorder: Recorder,
        clock: Clock,
        reacted: Reacted,
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._thresholds = thresholds
        self._recorder = recorder
        self._clock = clock
        self._reacted = reacted
        self._series: dict[str, _Series] = {}
        self._errors: dict[str, tuple[float, str]] = {}
        self._written: dict[str, tuple[float, str]] | None = None
        self._written_at = -math.inf
        self._heard: dict[str, float] = {}
        """By probe the instant by which it was last judged."""
        self._prober: Prober | None = None
        self._prober_of: Callable[[], Prober] | None = None

    def attach(self, loop: Loop, host: str) -> None:
        """Given the daemon's loop and what makes the jitter of this host its own, be ready to measure."""
        self._prober_of = lambda: self._begun(loop, host)

    def _begun(self, loop: Loop, host: str) -> Prober:
        # Imported when there are probes, which many an agent never has.
        from agent.daemon.prober import Prober  # noqa: PLC0415

        scratch = os.path.join(self._store.directory, "probes")
        return Prober(loop, self._clock, host=host, scratch=scratch, take=self.take, fail=self.fail)

    def put_in_force(self, probes: Mapping[str, Probe]) -> None:
        """Given all probes by name, measure these and no others."""
        if self._prober_of is None:
            return
        if not probes and self._written is None:
            if self._store.facts.get(PROBES):  # of an agent before this one, which had probes
                self._store.facts.set(PROBES, None)
            return
        self._errors = {name: error for name, error in self._errors.items() if name in probes}
        self._series = {name: series for name, series in self._series.items() if name in probes}
        self._heard = {name: at for name, at in self._heard.items() if name in probes}
        self._metrics.probes({name: probe.kind for name, probe in probes.items()})
        self._thresholds.trail.keep_probes(probes)
        self._write()
        if self._prober is None:
            self._prober = self._prober_of()
        self._prober.put_in_force(probes)

    def stop(self) -> None:
        """End the prober."""
        if self._prober is not None:
            self._prober.stop()

    def take(self, report: Report, found: Sequence[tuple[Probe, Result]]) -> None:
        """Given a report, judge what was measured."""
        now = self._clock.now().timestamp()
        reactions: list[Reaction] = []
        newest = {probe.name: result.at for probe, result in found}
        for probe, result in found:
            at = now - _before(newest[probe.name], result.at)
            # One that took long may have begun before the one before it was judged.
            at = self._heard[probe.name] = max(at, min(now, self._heard.get(probe.name, at)))
            reactions += self._one(probe, self._sampling(probe.name, result), result.at, at)
            facts = ProbeFacts(name=probe.name, kind=probe.kind, samples=result.samples, error=bool(result.error))
            self._metrics.probe(facts, result.late)
        restarts = self._prober.restarts if self._prober is not None else 0
        self._metrics.prober(
            ProberFacts(
                hung=report.hung, restarts=restarts, cpu_seconds=report.cpu_seconds, resident=report.resident_bytes
            )
        )
        self._conclude(reactions)

    def fail(self, probes: Sequence[Probe], why: str) -> None:
        """Given probes that cannot be measured, and why, let everybody hear of it."""
        now = self._clock.now().timestamp()
        reactions: list[Reaction] = []
        for probe in probes:
            reactions += self._one(probe, Sampling((), {probe.name: why}), now, now)
            self._metrics.probe(ProbeFacts(name=probe.name, kind=probe.kind, samples=(), error=True), None)
        self._conclude(reactions)

    def _sampling(self, name: str, result: Result) -> Sampling:
        series = self._series.get(name)
        if series is None:
            series = self._series[name] = _Series(name)
        return Sampling(series.samples(result), {name: result.error} if result.error else {})

    def _one(self, probe: Probe, sampling: Sampling, at: float, now: float) -> list[Reaction]:
        self._recorder.take(probe.name, now, sampling.samples)
        self._thresholds.trail.take_probe(probe.name, sampling)
        error = sampling.errors.get(probe.name, "")
        before = self._errors.get(probe.name)
        if not error:
            self._errors.pop(probe.name, None)
        elif before is None or before[1] != error:
            self._errors[probe.name] = (before[0] if before is not None else at, error)
        if bool(error) != (before is not None):
            LOG.log(logging.WARNING if error else logging.INFO, "probe %s: %s", probe.name, error or "good again")
        return self._thresholds.take(probe.name, sampling, now, probe.every)

    def _conclude(self, reactions: list[Reaction]) -> None:
        self._write()
        self._reacted(reactions)

    def _write(self) -> None:
        """Tell the store which probes give an error, when that has changed; not each time a sentence differs."""
        now = self._clock.monotonic()
        others = self._written is None or self._written.keys() != self._errors.keys()
        pause = PAUSE if others else LONG_PAUSE
        if self._written != self._errors and now >= self._written_at + pause:
            # What is told after a start is told at once.
            self._written_at = now if self._written is not None else now - PAUSE
            self._written = dict(self._errors)
            self._store.facts.set(PROBES, {name: list(error) for name, error in self._errors.items()})


def _before(newest: float, at: float) -> float:
    """Return how long before the newest result of its probe in a report one was measured; 0.0 if a clock was set."""
    earlier = newest - at
    return earlier if 0.0 < earlier <= APART else 0.0


class _Series:
    """What a probe measures, under the probe's name: the same `keys` as before for the same series."""

    def __init__(self, probe: str) -> None:
        self._probe = probe
        self._told: list[tuple[str, Labels]] | None = None
        self._keys: tuple[Key, ...] = ()

    def samples(self, result: Result) -> Samples:
        """Return the samples of a result."""
        told = [(what, labels) for what, labels, _ in result.samples]
        if told != self._told:
            self._told = told
            self._keys = tuple([(f"{self._probe}.{what}", labels) for what, labels in told])
        return Samples(self._keys, [value for _, _, value in result.samples])
