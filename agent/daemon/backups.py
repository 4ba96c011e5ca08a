"""What the daemon tells of backups: told anew when the ledger or the policies have changed, whoever changed them."""

from __future__ import annotations

from agent.engine.backups import Series, series_of, standings
from agent.metrics import BackupFacts, Metrics
from agent.model.policies import PolicySet
from agent.store import Store
from agent.store.ledger import Standing


class Backups:
    """Shows in the metrics where the backups of the tasks in force stand."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self._series: list[Series] = []
        self._told: int | None = None

    def put_in_force(self, policies: PolicySet) -> None:
        """Given the set in force, tell of the backups of its tasks, and of no others."""
        self._series, self._told = series_of(policies), None
        self.look()

    def look(self) -> None:
        """Tell of them again if the ledger has changed."""
        changes = self._store.ledger.changes()
        if changes != self._told:
            self._metrics.backups(facts_of(standing) for standing in standings(self._store, self._series))
            self._told = changes


def facts_of(standing: Standing) -> BackupFacts:
    """Given where the backups of a task stand, return that as the metrics take it."""
    newest, proof = standing.newest, standing.last_proof
    return BackupFacts(
        repository=standing.repository,
        task=standing.task,
        backups=standing.backups,
        damaged=standing.damaged,
        newest=newest.began if newest else None,
        level=newest.level.value if newest else "",
        bytes=newest.bytes if newest else None,
        stored=newest.stored if newest else None,
        flaws=len(newest.flaws) if newest else None,
        proven=standing.proven,
        last_proof=proof.at if proof else None,
        recovery=proof.seconds if proof else None,
        last_read=standing.last_deep,
        oldest_read=standing.oldest_deep,
        read=standing.read / standing.stored if standing.stored else None,
    )
