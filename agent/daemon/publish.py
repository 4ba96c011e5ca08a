"""The record of the daemon in the store, by which the command line knows of it, and the metrics of the policies."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from agent.daemon.policies import Policies
from agent.host.clock import boot_id
from agent.host.proc import started_ticks
from agent.metrics import Metrics, PolicyFacts, WebFacts
from agent.store import Store

if TYPE_CHECKING:
    from agent.daemon.web import Web  # it is there once the agent is ready, if at all

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
        self._record["policies"] = {
            "valid": policies.valid,
            "digest": digest,
            "files": files,
            "loaded_at": policies.loaded_at,
            "mistakes": [str(mistake) for mistake in policies.mistakes[:MISTAKES]],
        }
        self._store.facts.set("daemon", self._record)

    def web(self, web: Web) -> None:
        """Tell which web configuration is in force, and what is wrong with the files as they are."""
        config = web.in_force
        self._metrics.web(
            WebFacts(
                valid=web.valid,
                loaded_at=web.loaded_at,
                not_after=config.not_after if config is not None else None,
            )
        )
        self._record["web"] = {
            "path": web.path,
            "valid": web.valid,
            "served": config is not None,
            "mistakes": [str(mistake) for mistake in web.mistakes[:MISTAKES]],
        }
        self._store.facts.set("daemon", self._record)

    def gone(self) -> None:
        """The daemon leaves; its record stays, and its process no longer lives."""
        self._store.connection.checkpoint()
