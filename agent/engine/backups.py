"""Which backups there ought to be by the policies, and where they stand by what this host knows of them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from agent.model.policies import PolicySet
from agent.store import Store
from agent.store.ledger import Standing

CREATES = "backup.create"
"""The action whose tasks make backups."""

MOST = 200
"""So many series of backups are told of; nobody looks at more."""

Series = tuple[str, str]
"""The backups of one task in one repository: the names of the repository and of the task."""


def series_of(policies: PolicySet) -> list[Series]:
    """Given a policy set, return the series of backups that its tasks make, by task; MOST of them."""
    tasks = sorted((task for task in policies.tasks.values() if task.action == CREATES), key=lambda task: task.name)
    return [(str(json.loads(task.options)["repository"]["name"]), task.name) for task in tasks[:MOST]]


def standings(store: Store, series: Iterable[Series]) -> tuple[Standing, ...]:
    """Given a store and series of backups, return where each of them stands."""
    return tuple([store.ledger.standing(*one) for one in series])


def flaws(standing: Standing) -> list[str]:
    """Given where backups stand, say what is wrong with them in a few words each; nothing when all is well."""
    missing = len(standing.newest.flaws) if standing.newest is not None else 0
    found = [f"{missing} missing from the newest"] if missing else []
    return [*found, f"{standing.damaged} damaged"] if standing.damaged else found
