"""What follows when thresholds fire and clear: who mutes them, what is run for them, and who hears of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from agent.daemon.mutes import Explaining, Mutes
from agent.daemon.remedies import Remedies
from agent.engine.firing import Firing, Reactor
from agent.model.policies import PolicySet, Threshold
from agent.model.signals import ConditionState, Labels
from agent.rules.conditions import Evaluation, Event
from agent.rules.muting import explaining
from agent.store import Store

Known = Mapping[str, Mapping[Labels, ConditionState]]
"""The states of all thresholds by name and series."""


class Reaction(Struct, frozen=True, kw_only=True):
    """A threshold that fired or cleared on one of its series, or whose tasks are run once more while it fires.

    `runs` are the ids of the runs made for it. `muted` is why nobody else hears of it. A reaction that is `late` is to
    what has fired before: what muted it is over, or what was run did not help.
    """

    threshold: str
    series: Labels
    event: Event
    value: float | None
    runs: tuple[int, ...] = ()
    muted: str = ""
    late: bool = False


class Change(Struct, frozen=True):
    """What one evaluation made of one series: `before` is what was remembered until then.

    `due` says that the reaction to what fired earlier comes now, since nothing mutes it any more, and `ripe` that what
    was run for it has had its time to help, or was released.
    """

    threshold: Threshold
    series: Labels
    before: ConditionState | None
    after: Evaluation
    due: bool = False
    ripe: bool = False

    @property
    def key(self) -> tuple[str, Labels]:
        """What tells its state from others."""
        return self.threshold.name, self.series


class Reacting:
    """Reacts to changes, in the transaction of the caller. `reactors` hear of what fires and clears."""

    def __init__(self, store: Store, reactors: Sequence[Reactor]) -> None:
        self._reactors = reactors
        self._remedies = Remedies(store)
        self._mutes = Mutes(store)

    def put_in_force(self, policies: PolicySet) -> None:
        """React by this policy set from now on."""
        self._remedies.put_in_force(policies)
        self._mutes.put_in_force(policies)

    def muted(self, seen: Sequence[Change], known: Known, now: float) -> list[Change]:
        """Given what a pass at `now` has seen and what was known before, say of each that fires whether it is muted.

        `known` are the states of all thresholds by series; what was seen is newer.
        """
        if not any(change.after.state.fired_at is not None for change in seen):
            return list(seen)
        fresh: dict[str, dict[Labels, ConditionState]] = {}
        for change in seen:
            fresh.setdefault(change.threshold.name, {})[change.series] = change.after.state

        @cache
        def parent(name: str) -> frozenset[Labels]:
            return explaining({**known.get(name, {}), **fresh.get(name, {})})

        return [self._mute(change, parent, now) for change in seen]

    def _mute(self, change: Change, parent: Explaining, now: float) -> Change:
        state, event = change.after.state, change.after.event
        if change.after.forgotten or state.fired_at is None:
            return change
        goes_on = event is Event.NONE and not state.muted
        if goes_on and not self._remedies.ripe(change.threshold, change.series, state.fired_at, now):
            return change
        mute = self._mutes.why(change.threshold.name, change.series, parent, now)
        if goes_on:  # while something mutes it nothing more is run; whether it helped is seen afterwards
            return replace(change, ripe=mute is None)
        reason, by = ("", "") if mute is None else (mute.reason, mute.by)
        after = replace(change.after, state=replace(state, muted=reason, muted_by=by))
        return replace(change, after=after, due=event is Event.NONE and mute is None)

    def react(self, change: Change, now: float) -> Reaction | None:
        """Do what follows from a change at `now`; None where nothing does."""
        threshold, series, state = change.threshold, change.series, change.after.state
        if change.after.forgotten:
            self._remedies.forget(threshold, series, now)
        event = Event.FIRED if change.due else change.after.event
        runs: tuple[int, ...] = ()
        if event is Event.NONE:
            if not change.ripe:
                return None
            runs = self._remedies.look(threshold, series, state.fired_at or now, now)
            return Reaction(
                threshold=threshold.name, series=series, event=event, value=state.value, runs=runs, late=True
            )
        muted = state.muted
        if event is Event.CLEARED:
            muted = change.before.muted if change.before is not None else ""
            self._remedies.cleared(threshold, series, now)
        elif not muted:
            runs = self._remedies.act(threshold, series, now)
        self._tell(change, event, now, runs, muted)
        return Reaction(
            threshold=threshold.name,
            series=series,
            event=event,
            value=state.value,
            runs=runs,
            muted=muted,
            late=change.due,
        )

    def _tell(self, change: Change, event: Event, now: float, runs: tuple[int, ...], muted: str) -> None:
        before = change.before.fired_at if change.before is not None else None
        firing = Firing(
            threshold=change.threshold,
            series=change.series,
            event=event,
            at=now,
            fired_at=change.after.state.fired_at or before or now,
            state=change.after.state,
            runs=runs,
            muted=muted,
        )
        for reactor in self._reactors:
            reactor.react(firing)

    def withdraw(self, threshold: str, series: Labels, now: float) -> None:
        """A firing threshold is no longer in the policies, or means something else in them."""
        for reactor in self._reactors:
            reactor.withdraw(threshold, series, now)
