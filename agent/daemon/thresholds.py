"""Measure the host, judge the thresholds, react: each evaluation's state and the runs it makes are written together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, tzinfo
from typing import Protocol

from msgspec.structs import replace

from agent.daemon.calm import Calm
from agent.daemon.reacting import Change, Reacting, Reaction
from agent.daemon.trail import Trail
from agent.engine.firing import Reactor
from agent.model.conditions import Condition
from agent.model.policies import PolicySet, Threshold
from agent.model.samples import in_rows
from agent.model.signals import ConditionState, Labels, Sampling, labels
from agent.ports import Past
from agent.probes.catalogue import SIGNALS, group_of
from agent.probes.wanted import Wanted, wanted
from agent.rules.condition_json import dump_state, load_state
from agent.rules.conditions import Event, shift
from agent.rules.derived import same_time
from agent.rules.series import Then, by_signal, evaluate_series, parse_state_key, state_key, steady_series
from agent.rules.well import stays_missing
from agent.store import Store

LOG = logging.getLogger(__name__)
HOST = ""
"""The source of the signals that no probe of the policies gives."""


class Probe(Protocol):
    """What measures the host: `agent.probes.host.HostProbe`."""

    def want(self, wanted: Wanted) -> None:
        """Measure this from the next pass on."""
        ...

    def sample(self) -> Sampling:
        """Return one pass."""
        ...


class Thresholds:
    """The thresholds in force and what each remembers. `interval` is the seconds between two passes over the host.

    `make_probe` is called by the first pass, so that whatever measuring needs does not keep the agent from being ready.
    `reactors` hear of what fires and clears in the transaction that writes it. What conditions compare with, at the
    same time of another day in the time zone `zone`, is asked of `past`: the samples of the store, if it is None.
    """

    def __init__(
        self,
        store: Store,
        make_probe: Callable[[], Probe],
        interval: float,
        reactors: Sequence[Reactor] = (),
        zone: tzinfo = UTC,
        past: Past | None = None,
    ) -> None:
        self._store = store
        self._zone = zone
        self._past = past or store.samples
        self._reacting = Reacting(store, reactors)
        self._make_probe = make_probe
        self._probe: Probe | None = None
        self._wanted = Wanted()
        self._interval = interval
        self._policies: PolicySet | None = None
        self._sources: dict[str, list[tuple[Threshold, Labels]]] = {}
        self.trail = Trail()
        self._calm = Calm()
        self.snapshot = self._calm.snapshot
        self._written: dict[tuple[str, Labels], ConditionState] = {}

    @property
    def states(self) -> dict[str, dict[Labels, ConditionState]]:
        """The states of all thresholds by name and series."""
        return self._calm.states

    def put_in_force(self, policies: PolicySet, now: float) -> None:
        """Given a policy set, evaluate its thresholds from `now` on; what the same thresholds remember stays."""
        self.trail.want(threshold.signal for threshold in policies.thresholds.values())
        before, self._policies = self._policies, policies
        self._reacting.put_in_force(policies)
        if before is not None and (before.thresholds, before.probes) == (policies.thresholds, policies.probes):
            return
        self._calm.forget()
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
            source = group if group in policies.probes or threshold.signal not in SIGNALS else HOST
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
                        self._reacting.withdraw(name, series, now)
        for name, series, _ in dropped:
            self._written.pop((name, series), None)
        for name in names:
            self.states.pop(name, None)

    def stepped(self, seconds: float) -> None:
        """The wall clock was set forward by so many seconds (negative: back): what lasts goes on as if it had not been.

        Since when a threshold fires stays as it was told to others.
        """
        self._calm.forget()
        for states in self.states.values():
            for series, state in states.items():
                states[series] = replace(shift(state, seconds), fired_at=state.fired_at)

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
        rows = in_rows(sampling.samples)
        every = self._sources.get(source, ())
        disturbed = self._calm.disturbed(source, rows, sampling.errors, now, every)
        if not disturbed:
            return []
        found = by_signal(rows.about({threshold.signal for threshold, _ in disturbed}))
        seen: list[Change] = []
        steady: dict[str, tuple[Condition, Iterable[Labels]]] = {}
        missing: dict[str, tuple[Labels, ConditionState]] = {}
        for threshold, named in disturbed:
            condition = threshold.condition
            states = self._calm.of(threshold.name)
            samples = found.get(condition.signal, [])
            well = steady_series(condition, named, states, samples, now)
            if well is not None:
                states.update(well)  # nothing of it is worth writing, so there is nothing that the store could refuse
                steady[threshold.name] = (condition, well)
                continue
            failed = group_of(condition.signal) in sampling.errors
            then = self._then(condition, now) if condition.compare is not None else None
            results = evaluate_series(condition, states, samples, failed, now, interval, then)
            seen += [Change(threshold, series, states.get(series), after) for series, after in results.items()]
            if not samples and stays_missing(condition, named, states, results):
                missing[threshold.name] = (named, results[named].state)
        if rows is sampling.samples:  # a source that tells its series anew each time is not worth it
            self._calm.keep(source, rows, sampling.errors, steady, missing, every)
        return self._write(self._reacting.muted(seen, self._calm, now), now) if seen else []

    def _then(self, condition: Condition, now: float) -> Then | None:
        """Return what the series of a condition were at the time that they are compared with."""
        if condition.compare is None:
            return None
        at = same_time(now, condition.compare.against, self._zone)
        return lambda series: self._past.value((condition.signal, series), at)

    def _write(self, seen: Sequence[Change], now: float) -> list[Reaction]:
        """Write what has to be, with all that follows from it, and remember everything that was seen."""
        changes = [change for change in seen if self._matters(change)]
        reactions: list[Reaction] = []
        if changes:
            kept = {change.key: change.after.state for change in changes if not change.after.forgotten}
            forgotten = [change.key for change in changes if change.after.forgotten]
            with self._store.transaction():
                if kept:
                    self._store.conditions.set({state_key(*key): dump_state(state) for key, state in kept.items()})
                for key in forgotten:
                    self._store.conditions.forget(state_key(*key))
                found = [self._reacting.react(change, now) for change in changes]
                reactions = [reaction for reaction in found if reaction is not None]
            self._written.update(kept)
            for key in forgotten:
                self._written.pop(key, None)
        # Only what the store has taken is remembered: a firing that it refused fires again at the next pass.
        for change in seen:
            states = self._calm.of(change.threshold.name)
            if change.after.forgotten:
                states.pop(change.series, None)
            else:
                states[change.series] = change.after.state
        return reactions

    def _matters(self, change: Change) -> bool:
        """Tell whether the store has to hear of a change."""
        if change.due or change.ripe or change.after.forgotten or change.after.event is not Event.NONE:
            return True
        return _worth_writing(self._written.get(change.key), change.after.state)


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
    if (written.muted, written.muted_by) != (state.muted, state.muted_by):
        return True
    pending = state.since is not None and state.fired_at is None
    return pending or written.verdict is not state.verdict
