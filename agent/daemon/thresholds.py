"""Measure the host, judge the thresholds, react: each evaluation's state and the runs it makes are written together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from msgspec import Struct

from agent.daemon.trail import Trail
from agent.engine.submit import submit
from agent.model.policies import PolicySet, Threshold
from agent.model.reasons import Reason
from agent.model.runs import Origin
from agent.model.signals import ConditionState, Labels, Sampling, labels
from agent.probes.catalogue import group_of
from agent.probes.wanted import Wanted, wanted
from agent.rules.breaker import admit
from agent.rules.condition_json import dump_state, load_state
from agent.rules.conditions import Evaluation, Event
from agent.rules.series import by_signal, evaluate_series, parse_state_key, state_key, steady_series
from agent.store import Store

LOG = logging.getLogger(__name__)


class Reaction(Struct, frozen=True):
    """A threshold that fired or cleared on one of its series; `runs` are the ids of the runs made for it."""

    threshold: str
    series: Labels
    event: Event
    value: float | None
    runs: tuple[int, ...]


class Probe(Protocol):
    """What measures the host: `agent.probes.host.HostProbe`."""

    def want(self, wanted: Wanted) -> None:
        """Measure this from the next pass on."""
        ...

    def sample(self) -> Sampling:
        """Return one pass."""
        ...


class Thresholds:
    """The thresholds in force and what each remembers. `interval` is the seconds between two evaluations.

    `make_probe` is called by the first pass, so that whatever measuring needs does not keep the agent from being ready.
    """

    def __init__(self, store: Store, make_probe: Callable[[], Probe], interval: float) -> None:
        self._store = store
        self._make_probe = make_probe
        self._probe: Probe | None = None
        self._wanted = Wanted()
        self._interval = interval
        self._policies: PolicySet | None = None
        self._named: list[tuple[Threshold, Labels]] = []
        self.trail = Trail()
        self.states: dict[str, dict[Labels, ConditionState]] = {}
        self._written: dict[tuple[str, Labels], ConditionState] = {}

    def put_in_force(self, policies: PolicySet) -> None:
        """Given a policy set, evaluate its thresholds from now on; what the same thresholds remember stays."""
        self.trail.want(threshold.signal for threshold in policies.thresholds.values())
        if self._policies is not None and self._policies.thresholds == policies.thresholds:
            self._policies = policies
            return
        self._wanted = wanted(policies.thresholds.values())
        if self._probe is not None:
            self._probe.want(self._wanted)
        if self._policies is None:
            self._load()
        for name in self.states.keys() - policies.thresholds.keys():
            self._forget(name)
        if self._policies is not None:
            for name, threshold in policies.thresholds.items():
                before = self._policies.thresholds.get(name)
                if before is not None and _condition_of(before) != _condition_of(threshold):
                    self._forget(name)
        self._policies = policies
        self._named = [(threshold, labels(threshold.labels)) for threshold in policies.thresholds.values()]

    def _load(self) -> None:
        for key, text in self._store.conditions.all().items():
            try:
                name, series = parse_state_key(key)
                state = load_state(text)
            except ValueError as error:
                LOG.warning("a threshold begins anew, since its state cannot be read: %s", error)
                self._store.conditions.forget(key)
                continue
            self.states.setdefault(name, {})[series] = state
            self._written[name, series] = state

    def _forget(self, name: str) -> None:
        for series in self.states.pop(name, {}):
            self._store.conditions.forget(state_key(name, series))
            self._written.pop((name, series), None)

    def tick(self, now: float) -> tuple[Sampling, list[Reaction]]:
        """Take one pass over the host at `now` (seconds since the epoch), judge it, and make the runs it calls for."""
        if self._probe is None:
            self._probe = self._make_probe()
            self._probe.want(self._wanted)
        sampling = self._probe.sample()
        self.trail.take(now, sampling)
        return sampling, self._judge(sampling, now)

    def _judge(self, sampling: Sampling, now: float) -> list[Reaction]:
        found = by_signal(sampling.samples)
        reactions: list[Reaction] = []
        changed: dict[tuple[str, Labels], ConditionState] = {}
        forgotten: list[tuple[str, Labels]] = []
        fired: list[tuple[Threshold, Labels, ConditionState, Event]] = []
        seen: list[tuple[dict[Labels, ConditionState], Labels, Evaluation]] = []
        for threshold, named in self._named:
            states = self.states.setdefault(threshold.name, {})
            samples = found.get(threshold.signal, [])
            well = steady_series(threshold, named, states, samples, now)
            if well is not None:
                states.update(well)  # nothing of it is worth writing, so there is nothing that the store could refuse
                continue
            failed = group_of(threshold.signal) in sampling.errors
            results = evaluate_series(threshold, states, samples, failed, now, self._interval)
            for series, evaluation in results.items():
                key = (threshold.name, series)
                if evaluation.event is not Event.NONE:
                    fired.append((threshold, series, evaluation.state, evaluation.event))
                seen.append((states, series, evaluation))
                if evaluation.forgotten:
                    forgotten.append(key)
                elif _worth_writing(self._written.get(key), evaluation.state):
                    changed[key] = evaluation.state
        if changed or forgotten or fired:
            reactions = self._write(changed, forgotten, fired, now)
        # Only what the store has taken is remembered: a firing that it refused fires again at the next pass.
        for states, series, evaluation in seen:
            if evaluation.forgotten:
                states.pop(series, None)
            else:
                states[series] = evaluation.state
        return reactions

    def _write(
        self,
        changed: Mapping[tuple[str, Labels], ConditionState],
        forgotten: list[tuple[str, Labels]],
        fired: list[tuple[Threshold, Labels, ConditionState, Event]],
        now: float,
    ) -> list[Reaction]:
        with self._store.transaction():
            if changed:
                self._store.conditions.set({state_key(*key): dump_state(state) for key, state in changed.items()})
            for key in forgotten:
                self._store.conditions.forget(state_key(*key))
            reactions = [
                Reaction(
                    threshold.name,
                    series,
                    event,
                    state.value,
                    self._react(threshold, now) if event is Event.FIRED else (),
                )
                for threshold, series, state, event in fired
            ]
        self._written.update(changed)
        for key in forgotten:
            self._written.pop(key, None)
        return reactions

    def _react(self, threshold: Threshold, now: float) -> tuple[int, ...]:
        if self._policies is None or not threshold.run or threshold.name in self._store.holds.held():
            return ()
        released = {hold.name: hold.released for hold in self._store.holds.all()}.get(threshold.name) or 0.0
        made: list[int] = []
        for name in threshold.run:
            task = self._policies.tasks[name]
            if threshold.at_most is not None:
                since = max(released, now - threshold.at_most.per)
                past = self._store.runs.caused_since(threshold.name, name, since)
                if not admit(threshold.at_most, past, now).allowed:
                    times = threshold.at_most.times
                    self._store.holds.place(threshold.name, Reason.BREAKER_OPEN, f"{name} ran {times} times", now)
                    LOG.error("threshold %s is held: %s ran %d times without lasting help", threshold.name, name, times)
                    break
            run = submit(
                self._store,
                task,
                policy=self._policies.digest,
                origin=Origin.THRESHOLD,
                cause=threshold.name,
                due=now,
                now=now,
            )
            if run is not None:
                made.append(run.id)
        return tuple(made)


def _condition_of(threshold: Threshold) -> tuple[object, ...]:
    """What of a threshold its states depend on: a change of anything else leaves them standing."""
    return (threshold.signal, tuple(sorted(threshold.labels.items())), threshold.bound, threshold.clear)


def _worth_writing(written: ConditionState | None, state: ConditionState) -> bool:
    """Tell whether a restart would decide otherwise without this state on disk."""
    if written is None or (written.since, written.fired_at) != (state.since, state.fired_at):
        return True
    pending = state.since is not None and state.fired_at is None
    return pending or written.verdict is not state.verdict
