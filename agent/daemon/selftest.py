"""Each threshold is tried in a sandbox: its failure is injected, and everything that ought to answer has to.

The sandbox is a store of its own in a directory that goes afterwards, with a clock of its own that can be as fast as it
likes: no task is run, nothing of the host's is touched, and no one is told, but for test messages that are marked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from datetime import tzinfo
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import replace

from agent.daemon.thresholds import Thresholds
from agent.engine.incidents import Incidents, opens
from agent.engine.notifying import Notices
from agent.model.conditions import Condition
from agent.model.policies import PolicySet, Threshold
from agent.model.runs import Origin
from agent.model.signals import Labels, Sample, Sampling, labels
from agent.probes.catalogue import SIGNALS
from agent.probes.wanted import Wanted
from agent.rules import provoking
from agent.rules.conditions import Event
from agent.store import Store


class Stage(StrEnum):
    """What has to answer, in this order."""

    PROBE = "probe"
    CONDITION = "condition"
    REACTION = "reaction"
    NOTIFIER = "notifier"


class Trial(Struct, frozen=True, kw_only=True):
    """What came of one threshold, `at` an instant in seconds since the epoch.

    `answered` says in words what each stage answered, and `failed` why one did not.
    """

    threshold: str
    at: float
    answered: Mapping[str, str] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether every stage has answered."""
        return not self.failed


Measure = Callable[[Threshold], Sampling]
"""Measure what a threshold is about, once, as the agent does. Raises nothing."""

Tell = Callable[[str], str]
"""Send a marked test message through a notifier; return why it was not delivered, "" when it was."""


class Injected:
    """A host whose every number is what the trial says."""

    def __init__(self) -> None:
        self.samples: tuple[Sample, ...] = ()

    def want(self, _wanted: Wanted) -> None:
        """Whatever is wanted, only what is injected is there."""

    def sample(self) -> Sampling:
        """Return what is injected."""
        return Sampling(self.samples, {})


class Otherwise:
    """The past of a sandbox: every series had the same value always."""

    def value(self, _key: tuple[str, Labels], _at: float) -> float:
        """Return it."""
        return provoking.PAST


class Sandbox:
    """Where thresholds are tried. `usual` is the seconds between two measurements of the host, `least` is as for
    `agent.engine.incidents.opens`, and `store` a store that nothing else uses.
    """

    def __init__(self, store: Store, policies: PolicySet, zone: tzinfo, usual: float, least: str) -> None:
        self._store = store
        self._policies = policies
        self._zone = zone
        self._usual = usual
        self._least = least

    def tried(self, name: str, now: float, measure: Measure, tell: Tell) -> Trial:
        """Given the name of a threshold, and when it is (seconds since the epoch), try it from probe to notifier."""
        threshold = self._policies.thresholds[name]
        answered: dict[str, str] = {}
        failed: dict[str, str] = {}
        stages: Iterable[tuple[Stage, Callable[[], tuple[bool, str]]]] = (
            (Stage.PROBE, lambda: _measured(threshold, measure(threshold))),
            (Stage.CONDITION, lambda: self._fired_and_cleared(threshold, now)),
            (Stage.REACTION, lambda: self._reacted(threshold)),
            (Stage.NOTIFIER, lambda: _told(threshold, tell)),
        )
        for stage, ask in stages:
            good, said = ask()
            (answered if good else failed)[stage.value] = said
        return Trial(threshold=name, at=now, answered=answered, failed=failed)

    def _fired_and_cleared(self, threshold: Threshold, now: float) -> tuple[bool, str]:
        # Alone: what mutes it in real life must not keep it from being tried.
        alone = replace(threshold, parents=())
        wanted = {name: replace(self._policies.tasks[name], mutes=()) for name in threshold.run}
        policies = replace(self._policies, thresholds={threshold.name: alone}, tasks=wanted)
        probe = self._policies.probes.get(threshold.signal.partition(".")[0])
        step = provoking.interval(threshold.condition, self._usual if probe is None else probe.every)
        host, provoker = Injected(), provoking.Provoker(threshold.condition, now)
        reactors = (Incidents(self._store, self._least), Notices(self._store))
        thresholds = Thresholds(self._store, lambda: host, step, reactors, self._zone, Otherwise())
        thresholds.put_in_force(policies, now)

        def fed(instant: float, *, bad: bool) -> set[Event]:
            host.samples = (Sample(threshold.signal, _series(threshold), provoker.number(instant, bad=bad)),)
            source = threshold.signal.partition(".")[0]
            if probe is None and threshold.signal in SIGNALS:
                reactions = thresholds.tick(instant)[1]
            else:
                reactions = thresholds.take(source, host.sample(), instant, step)
            return {reaction.event for reaction in reactions}

        fired = _until(Event.FIRED, lambda at: fed(at, bad=True), now, threshold.condition, step)
        if fired is None:
            return False, "it did not fire although its bound was violated all the time"
        cleared = _until(Event.CLEARED, lambda at: fed(at, bad=False), fired + step, threshold.condition, step)
        if cleared is None:
            return False, "it fired, and did not clear although nothing violated it any more"
        return True, f"fired after {fired - now:.0f} s and cleared after {cleared - fired:.0f} s of its own time"

    def _reacted(self, threshold: Threshold) -> tuple[bool, str]:
        """Look at what the firing left behind in the sandbox."""
        made = {run.task for run in self._store.runs.recent(1000) if run.origin is Origin.THRESHOLD}
        missing = [name for name in threshold.run if name not in made]
        if missing:
            return False, f"no run of {', '.join(missing)} was made"
        did = [f"a run of {name}" for name in threshold.run]
        if opens(threshold, self._least):
            if not self._store.incidents.listed():
                return False, "no incident was opened"
            did.append("an incident")
        told = {notice.notifier for notice in self._store.outbox.notices()}
        silent = [name for name in threshold.notify if name not in told]
        if silent:
            return False, f"nothing was left for {', '.join(silent)} to be told"
        did += [f"a notice for {name}" for name in threshold.notify]
        return True, f"made {', '.join(did)}" if did else "it has none: it is only shown"


def _measured(threshold: Threshold, sampling: Sampling) -> tuple[bool, str]:
    for sample in sampling.samples:
        fits = threshold.labels.items() <= dict(sample.labels).items()
        if sample.signal == threshold.signal and fits and math.isfinite(sample.value):
            return True, f"{threshold.signal} is {sample.value:.6g}"
    why = "; ".join(sampling.errors.values())
    return False, f"{threshold.signal} has no number{f': {why}' if why else ''}"


def _told(threshold: Threshold, tell: Tell) -> tuple[bool, str]:
    wrong = {name: why for name in threshold.notify if (why := tell(name))}
    if wrong:
        return False, "; ".join(f"{name}: {why}" for name, why in wrong.items())
    return True, f"{', '.join(threshold.notify)} answered" if threshold.notify else "it has none"


def _series(threshold: Threshold) -> Labels:
    return labels(threshold.labels)


def _until(
    event: Event, fed: Callable[[float], set[Event]], start: float, condition: Condition, step: float
) -> float | None:
    at, last = start, start + provoking.patience(condition, step)
    while at <= last:
        if event in fed(at):
            return at
        at += step
    return None
