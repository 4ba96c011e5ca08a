"""Bring a whole database server back: its files beside the live ones, for a person to put in their place.

A server has to be stopped before its files change places, and whose service that is, is the admin's to know: the run
ends with the commands that are left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from agent.actions.backup._outlook import require_empty
from agent.actions.backup._repository import scratch_of
from agent.actions.backup._selecting import LATEST, instant
from agent.actions.backup._subject import Subject
from agent.drivers.physical import TABLESPACES, Physical, RecoveryTarget
from agent.drivers.repository import Repository, Selection
from agent.errors import AgentError, RunFailed
from agent.host.scratch import remove_inside, remove_whole
from agent.model.actions import Outcome, Preview, Step
from agent.model.backups import Backup
from agent.readable import size
from agent.rules.chains import chain


def steps(subject: Subject) -> Iterator[Step]:
    """Given a restore from a repository of whole servers, yield its steps. Raises RunFailed for senseless options."""
    options = subject.options
    if options.paths or options.databases or options.tables:
        raise RunFailed("a backup of a whole server comes back as a whole: leave out `paths`, `databases` and `tables`")
    if options.to is not None and options.point_in_time is not None:
        raise RunFailed("to a point in time a server comes back beside its live files: leave out `to`")
    target_of(subject)
    server = Server(subject)
    yield Step(name="check", do=server.check, preview=lambda _explain: server.preview(), undo=lambda: None)
    yield Step(name="stage", do=server.stage, preview=lambda _explain: Preview(server.say()), undo=server.unstage)


def target_of(subject: Subject) -> RecoveryTarget | None:
    """Return how far the server is brought back, None for the end of the backup. Raises RunFailed."""
    wanted = subject.options.point_in_time
    if wanted is None:
        return None
    if wanted == LATEST:
        return RecoveryTarget(latest=True)
    at = instant(wanted)
    if at is None:
        raise RunFailed(
            f"`point_in_time` {wanted!r} is no instant: write one such as 2026-03-01T12:00:00Z, or `latest`"
        )
    return RecoveryTarget(time=datetime.fromtimestamp(at, UTC))


class Server:
    """The steps of one such restore."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._to = subject.options.to

    def _look(self) -> tuple[Repository, Backup]:
        repository = self._subject.repository()
        backup = self._subject.backup(repository)
        for link in chain(self._subject.listing(repository), backup.id):
            repository.verify(link, deep=False)
        if self._to is not None:
            if not os.path.isdir(self._to):
                raise RunFailed(f"{self._to} does not exist: make it, and give it to the user of the server")
            require_empty(self._to)
            if os.path.lexists(self._to + TABLESPACES):
                raise RunFailed(f"{self._to}{TABLESPACES} is there already: tablespaces would come to be in it")
        return repository, backup

    def check(self) -> Outcome:
        """Look at everything that could go wrong, and settle which backup it is."""
        _, backup = self._look()
        self._subject.remember(backup=backup.id)
        return Outcome({"backup": backup.id, "bytes": backup.bytes})

    def preview(self) -> Preview:
        """Say what would be brought back."""
        try:
            _, backup = self._look()
        except AgentError as error:
            return Preview(f"fail: {error}", fingerprint=str(error))
        to = self._subject.options.point_in_time
        until = f" up to {to}" if to else ""
        return Preview(f"bring back a server of {size(backup.bytes)} from {backup.id}{until}", fingerprint=backup.id)

    def say(self) -> str:
        """Say where it is brought back to."""
        if self._to is not None:
            return f"bring its files back into {self._to}; start a server on them yourself"
        return "bring its files back beside the live ones, touch nothing that is live, and say what is left to do"

    def stage(self) -> Outcome:
        """Bring the files back; what is left for a person to do is the output."""
        with scratch_of(self._subject.ctx) as scratch:
            repository = self._subject.repository(scratch)
            backup = self._subject.backup(repository)
            if self._to is not None:
                self._empty()
                restored = repository.restore(backup, Selection(), self._to)
                return Outcome({"directory": self._to, "files": restored.items, "restored_bytes": restored.bytes})
            assert isinstance(repository, Physical)
            beside = repository.beside(backup, target_of(self._subject), self._subject.mark)
            return Outcome({"directory": beside.directory}, output="\n".join(beside.steps()))

    def unstage(self) -> None:
        """Remove what was brought back."""
        if self._to is not None:
            self._empty()
            return
        with scratch_of(self._subject.ctx) as scratch:
            repository = self._subject.repository(scratch)
            assert isinstance(repository, Physical)
            # What cannot be brought back leaves nothing that would have to be removed.
            with suppress(RunFailed):
                backup = self._subject.backup(repository)
                repository.aside(backup, self._subject.mark).discard()

    def _empty(self) -> None:
        """Remove what an interrupted restore has left in a directory that was found empty, and beside it."""
        assert self._to is not None
        remove_inside(self._to)
        remove_whole(self._to + TABLESPACES)
