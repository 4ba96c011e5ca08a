"""Measure the host, judge the thresholds, react: each evaluation's state and the runs it makes are written together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from msgspec import Struct

from agent.daemon.trail import Trail
from agent.engine.firing import Firing, Reactor
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
HOST = ""
"""The source of the signals that no probe of the policies gives."""


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


class Change(Struct, frozen=True):
    """What one evaluation made of one series: `before` is what was remembered until then."""

    threshold: Threshold
    series: Labels
    before: ConditionState | None
    after: Evaluation


class Thresholds:
    """The thresholds in force and what each remembers. `interval` is the seconds between two passes over the host.

    `make_probe` is called by the first pass, so that whatever measuring needs does not keep the agent from being ready.
    `reactors` hear of what fires and clears in the transaction that writes it.
    """

    def __init__(
        self,
        store: Store,
        make_probe: Callable[[], Probe],
        interval: float,
        reactors: Sequence[Reactor] = (),
    ) -> None:
        self._store = store
        self._reactors = reactors
        self._make_probe = make_probe
        self._probe: Probe | None = None
        self._wanted = Wanted()
        self._interval = interval
        self._policies: PolicySet | None = None
        self._sources: dict[str, list[tuple[Threshold, Labels]]] = {}
        self.trail = Trail()
        self.states: dict[str, dict[Labels, ConditionState]] = {}
        self._written: dict[tuple[str, Labels], ConditionState] = {}

    def put_in_force(self, policies: PolicySet, now: float) -> None:
        """Given a policy set, evaluate its thresholds from `now` on; what the same thresholds remember stays."""
        self.trail.want(threshold.signal for threshold in policies.thresholds.values())
        before, self._policies = self._policies, policies
        if before is not None and (before.thresholds, before.probes) == (policies.thresholds, policies.probes):
            return
        self._wanted = wanted(policies.thresholds.values())
        if self._probe is not None:
            self._probe.want(self._wanted)
        if before is None:
            self._load()
        gone = self.states.keys() - policies.thresholds.keys()
        changed = {
            name
            for name, threshold in policies.thresholds.items()
            if before is not None
            and name in before.thresholds
            and _meaning(before.thresholds[name]) != _meaning(threshold)
        }
        self._forget(gone | changed, now)
        self._sources = {}
        for threshold in policies.thresholds.values():
            group = group_of(threshold.signal)
            source = group if group in policies.probes else HOST
            self._sources.setdefault(source, []).append((threshold, labels(threshold.labels)))

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

    def _forget(self, names: Iterable[str], now: float) -> None:
        """Drop what thresholds remember, since they are gone or mean something else now."""
        dropped = [(name, series, state) for name in names for series, state in self.states.get(name, {}).items()]
        if dropped:
            with self._store.transaction():
                for name, series, state in dropped:
                    self._store.conditions.forget(state_key(name, series))
                    if state.fired_at is not None:
                        for reactor in self._reactors:
                            reactor.withdraw(name, series, now)
        for name, series, _ in dropped:
            self._written.pop((name, series), None)
        for name in names:
            self.states.pop(name, None)

    def tick(self, now: float) -> tuple[Sampling, list[Reaction]]:
        """Take one pass over the host at `now` (seconds since the epoch), judge it, and make the runs it calls for."""
        if self._probe is None:
            self._probe = self._make_probe()
            self._probe.want(self._wanted)
        sampling = self._probe.sample()
        self.trail.take(now, sampling)
        return sampling, self._judge(HOST, sampling, now, self._interval)

    def take(self, probe: str, sampling: Sampling, now: float, interval: float) -> list[Reaction]:
        """Given what a probe of the policies measured at `now`, judge its thresholds and make the runs they call for.

        Its samples are named `<probe>.<what>`; `sampling.errors` has the name of the probe where measuring failed.
        `interval` is the seconds between two measurements of it. Every other threshold is left as it stands.
        """
        return self._judge(probe, sampling, now, interval)

    def _judge(self, source: str, sampling: Sampling, now: float, interval: float) -> list[Reaction]:
        found = by_signal(sampling.samples)
        seen: list[Change] = []
        for threshold, named in self._sources.get(source, ()):
            states = self.states.setdefault(threshold.name, {})
            samples = found.get(threshold.signal, [])
            well = steady_series(threshold.condition, named, states, samples, now)
            if well is not None:
                states.update(well)  # nothing of it is worth writing, so there is nothing that the store could refuse
                continue
            failed = group_of(threshold.signal) in sampling.errors
            results = evaluate_series(threshold.condition, states, samples, failed, now, interval)
            seen += [Change(threshold, series, states.get(series), after) for series, after in results.items()]
        reactions = self._write([change for change in seen if self._matters(change)], now)
        # Only what the store has taken is remembered: a firing that it refused fires again at the next pass.
        for change in seen:
            states = self.states[change.threshold.name]
            if change.after.forgotten:
                states.pop(change.series, None)
            else:
                states[change.series] = change.after.state
        return reactions

    def _matters(self, change: Change) -> bool:
        """Tell whether the store has to hear of a change."""
        if change.after.forgotten or change.after.event is not Event.NONE:
            return True
        return _worth_writing(self._written.get((change.threshold.name, change.series)), change.after.state)

    def _write(self, changes: Sequence[Change], now: float) -> list[Reaction]:
        if not changes:
            return []
        kept = {(c.threshold.name, c.series): c.after.state for c in changes if not c.after.forgotten}
        forgotten = [(c.threshold.name, c.series) for c in changes if c.after.forgotten]
        with self._store.transaction():
            if kept:
                self._store.conditions.set({state_key(*key): dump_state(state) for key, state in kept.items()})
            for key in forgotten:
                self._store.conditions.forget(state_key(*key))
            reactions = [self._reaction(change, now) for change in changes if change.after.event is not Event.NONE]
        self._written.update(kept)
        for key in forgotten:
            self._written.pop(key, None)
        return reactions

    def _reaction(self, change: Change, now: float) -> Reaction:
        threshold, event, state = change.threshold, change.after.event, change.after.state
        runs = self._react(threshold, now) if event is Event.FIRED else ()
        before = change.before.fired_at if change.before is not None else None
        firing = Firing(
            threshold=threshold,
            series=change.series,
            event=event,
            at=now,
            fired_at=state.fired_at or before or now,
            state=state,
            runs=runs,
        )
        for reactor in self._reactors:
            reactor.react(firing)
        return Reaction(threshold.name, change.series, event, state.value, runs)

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


def _meaning(threshold: Threshold) -> tuple[object, ...]:
    """What of a threshold its states depend on: a change of anything else leaves them standing."""
    what = threshold.condition
    return (what.signal, labels(what.labels), what.bound, what.clear, what.change, what.compare)


def _worth_writing(written: ConditionState | None, state: ConditionState) -> bool:
    """Tell whether a restart would decide otherwise without this state on disk."""
    if written is None or (written.since, written.fired_at) != (state.since, state.fired_at):
        return True
    if (written.good_since, written.missing_since) != (state.good_since, state.missing_since):
        return True
    if (written.recent, written.points) != (state.recent, state.points):
        return True
    pending = state.since is not None and state.fired_at is None
    return pending or written.verdict is not state.verdict
