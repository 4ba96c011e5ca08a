"""What the daemon sees and what it makes of it: samples, thresholds, incidents, what is recorded, and who is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

from agent.daemon.analyses import Analyses
from agent.daemon.incidents import IncidentDesk
from agent.daemon.loop import Loop
from agent.daemon.probing import Probing
from agent.daemon.reacting import Reaction
from agent.daemon.recorder import Recorder
from agent.daemon.sending import Sending
from agent.daemon.telling import Teller
from agent.daemon.thresholds import Probe, Thresholds
from agent.engine.notifying import Notices
from agent.engine.proofs import proofs
from agent.metrics import Metrics
from agent.model.policies import PolicySet
from agent.model.runs import Run
from agent.model.settings import Settings
from agent.ports import Clock
from agent.store import Store


class Watching:
    """Watches the host and what the policies name beside it. `made` gets the runs that thresholds call for.

    `local` is the host's zone, and `host` what makes its jitter its own.
    """

    def __init__(
        self,
        *,
        store: Store,
        settings: Settings,
        loop: Loop,
        clock: Clock,
        metrics: Metrics,
        teller: Teller,
        local: tzinfo,
        host: str,
        made: Callable[[Iterable[Run]], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._metrics = metrics
        self._teller = teller
        self._made = made
        self._incidents = IncidentDesk(store, metrics, loop, clock, settings.incidents)
        self._sending = Sending(store, loop, clock, settings.timezone, metrics)
        reactors = (self._incidents.reactor, Notices(store))
        self._thresholds = Thresholds(store, lambda: _host_probe(clock), settings.sample_every, reactors, local)
        self._recorder = Recorder(store, settings.samples)
        self._probing = Probing(store, metrics, self._thresholds, self._recorder, clock, self._reacted)
        self._probing.attach(loop, host)
        self._analyses = Analyses(store, metrics, self._thresholds, self._recorder, self._reacted)
        self.course = self._thresholds.trail.course
        self.tidy = self._recorder.tidy

    def put_in_force(self, policies: PolicySet, now: float) -> None:
        """Given the set that is in force from `now` (seconds since the epoch) on, watch by that."""
        self._incidents.put_in_force(policies)
        self._show_selftests()
        self._thresholds.put_in_force(policies, now)
        self._recorder.put_in_force(policies)
        self._sending.put_in_force(policies.notifiers)
        self._probing.put_in_force(policies.probes)
        self._analyses.put_in_force(policies)

    def stepped(self, seconds: float) -> None:
        """The wall clock was set forward by so many seconds (negative: back)."""
        self._thresholds.stepped(seconds)

    def sample(self, now: float) -> None:
        """Take a pass over the host, judge it and react to it."""
        begun = time.monotonic()
        sampling, reactions = self._thresholds.tick(now)
        self._recorder.take("", now, sampling.samples)
        self._metrics.signals(sampling, time.monotonic() - begun)
        self._reacted(reactions)

    def _reacted(self, reactions: Sequence[Reaction]) -> None:
        """Tell how the thresholds stand, and start what those that fired call for."""
        self._teller.thresholds(self._thresholds.snapshot(), reactions)
        if reactions:
            self.look()
            self._made(self._store.runs.get(number) for one in reactions for number in one.runs)

    def look(self) -> None:
        """Something was written that there may be something to do about: an incident, a notice, a trial."""
        self._show_selftests()
        self._incidents.look()
        self._sending.look()

    def _show_selftests(self) -> None:
        trials = proofs(self._store)
        self._metrics.selftests({name: (one.at, not one.failed) for name, one in trials.items()})

    def send(self) -> None:
        """There may be something to tell people."""
        self._sending.look()

    def ended(self, run: Run) -> None:
        """Judge what a run that has ended found out."""
        self._analyses.ended(run, self._clock.now().timestamp())

    def stop(self) -> None:
        """End every process that belongs to it, and write what is not written yet."""
        self._recorder.flush(self._clock.now().timestamp())
        for part in (self._incidents, self._probing, self._sending):
            part.stop()


def _host_probe(clock: Clock) -> Probe:
    from agent.probes.host import HostProbe  # noqa: PLC0415 - first needed once the agent is ready

    return HostProbe(clock.monotonic)
