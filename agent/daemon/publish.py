"""The record of the daemon in the store, by which the command line knows of it, and the metrics of the policies."""

from __future__ import annotations

import os

from agent.daemon.policies import Policies
from agent.host.clock import boot_id
from agent.host.proc import started_ticks
from agent.metrics import Metrics, PolicyFacts
from agent.store import Store

MISTAKES = 50
"""How many mistakes the record holds; `hostkeeper check` names all."""


class Publisher:
    """Writes the record. `started` is seconds since the epoch, `listen` where metrics are served."""

    def __init__(self, store: Store, metrics: Metrics, *, started: float, listen: str) -> None:
        self._store = store
        self._metrics = metrics
        self._record: dict[str, object] = {
            "pid": os.getpid(),
            "pid_started": started_ticks(os.getpid()),
            "boot": boot_id(),
            "started": started,
            "listen": listen,
        }

    def policies(self, policies: Policies) -> None:
        """Tell which policies are in force, and what is wrong with the files as they are."""
        digest = policies.in_force.digest if policies.in_force is not None else ""
        files = policies.in_force.files if policies.in_force is not None else 0
        self._metrics.policies(
            PolicyFacts(
                valid=policies.valid,
                digest=digest,
                files=files,
                mistakes=len(policies.mistakes),
                loaded_at=policies.loaded_at,
            )
        )
        self._store.facts.set(
            "daemon",
            {
                **self._record,
                "policies": {
                    "valid": policies.valid,
                    "digest": digest,
                    "files": files,
                    "loaded_at": policies.loaded_at,
                    "mistakes": [str(mistake) for mistake in policies.mistakes[:MISTAKES]],
                },
            },
        )

    def gone(self) -> None:
        """The daemon leaves; its record stays, and its process no longer lives."""
        self._store.connection.checkpoint()
