"""Who asked for a reload is told what came of it: systemd, whoever waits at the store, and the log."""

from __future__ import annotations

import logging

from msgspec import Struct

from agent.engine.reload import Answer, answer, requested
from agent.errors import Mistake, StoreError
from agent.host.notify import Notifier
from agent.model.policies import PolicySet
from agent.store import Store

LOG = logging.getLogger(__name__)
MISTAKES = 50
"""How many mistakes an answer names; `hostkeeper check` names all."""


class Standing(Struct, frozen=True):
    """How it stands with the policies: whether the files are in force as they are, what is, and what is wrong."""

    valid: bool
    in_force: PolicySet
    mistakes: tuple[Mistake, ...]


class Reloads:
    """Hears when a look that somebody asked for begins, and when it has been decided what comes of it."""

    def __init__(self, store: Store, notifier: Notifier) -> None:
        self._store = store
        self._notifier = notifier
        self._number = 0
        self._before = ""

    def begun(self, standing: Standing) -> None:
        """The policy files are being looked at because somebody asked."""
        self._before = standing.in_force.digest
        self._notifier.reloading()
        try:
            self._number = requested(self._store)
        except StoreError as error:
            LOG.error("who asked for a reload will not be told of it: %s", error)

    def decided(self, standing: Standing) -> None:
        """The files, as they were when the look began or later, are in force, or they are not."""
        told = self._answer(standing)
        if told.valid:
            state = "put in force" if told.changed else "in force as before"
            LOG.info("reload: policies %s are %s", told.digest[:12], state)
        else:
            LOG.error("reload: refused, the policy files have %d mistakes", len(standing.mistakes))
        try:
            answer(self._store, told)
        except StoreError as error:
            LOG.error("who asked for a reload is not told of it: %s", error)
        self._notifier.ready()

    def _answer(self, standing: Standing) -> Answer:
        policies, mistakes = standing.in_force, standing.mistakes
        return Answer(
            number=self._number,
            valid=standing.valid,
            changed=policies.digest != self._before,
            digest=policies.digest,
            files=policies.files,
            tasks=len(policies.tasks),
            mistakes=tuple(map(str, mistakes[:MISTAKES])),
            more=len(mistakes[MISTAKES:]),
        )
