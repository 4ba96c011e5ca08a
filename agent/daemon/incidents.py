"""The daemon's part in incidents: they open, evidence is collected at once, and the metrics tell of them."""

from __future__ import annotations

from collections import Counter

from agent.daemon.collecting import Collecting
from agent.daemon.loop import Loop
from agent.engine.incidents import Incidents
from agent.metrics import IncidentFacts, Metrics
from agent.model.incidents import IncidentState
from agent.model.policies import PolicySet
from agent.ports import Clock
from agent.store import Store


class IncidentDesk:
    """Keeps incidents going. `least` is from which severity on a threshold opens one, as `agent.yaml` says."""

    def __init__(self, store: Store, metrics: Metrics, loop: Loop, clock: Clock, least: str) -> None:
        self._store = store
        self._metrics = metrics
        self._collecting = Collecting(store, loop, clock)
        self.reactor = Incidents(store, least)

    def put_in_force(self, policies: PolicySet) -> None:
        """Given the set that is in force from now on, open incidents by that."""
        self.reactor.policy = policies.digest
        self.look()

    def look(self) -> None:
        """After something has fired, or another has written to the store: collect what is missing, and tell."""
        self._collecting.look()
        standing = self._store.incidents.listed()
        waiting = [one.opened for one in standing if one.state is IncidentState.OPEN]
        self._metrics.incidents(
            IncidentFacts(
                standing=Counter((one.severity, one.state.value) for one in standing),
                opened=self._store.incidents.opened(),
                oldest=min(waiting, default=None),
            )
        )

    def stop(self) -> None:
        """End what collects."""
        self._collecting.stop()
