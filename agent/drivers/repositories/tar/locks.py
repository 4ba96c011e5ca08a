"""Who may change what: one lock for each series of backups, and one for the repository.

Whoever changes a series holds its lock alone and shares that of the repository. The kernel drops both with the process.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from agent.drivers.repositories.tar import layout
from agent.drivers.repository import ReadOnly
from agent.errors import Refused, RunFailed
from agent.host.flock import locked
from agent.model.reasons import Reason


class Locks:
    """The locks of a repository; what is held here may be asked for again by the same driver."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._held: set[str] = set()

    @contextlib.contextmanager
    def hold(self, host: str = "", task: str = "") -> Iterator[None]:
        """Hold the lock of a series, or that of the whole repository. Raises Refused when another agent has it."""
        if self._path in self._held:
            yield
        elif not host:
            with self._one(self._path, shared=False):
                yield
        else:
            place = layout.series(self._path, host, task)
            if place in self._held:
                yield
                return
            with self._one(self._path, shared=True, remember=False):
                with _explained(place):
                    os.makedirs(place, mode=0o700, exist_ok=True)
                with self._one(place, shared=False):
                    yield

    @contextlib.contextmanager
    def _one(self, place: str, *, shared: bool, remember: bool = True) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            with _explained(place):
                mine = stack.enter_context(locked(os.path.join(place, layout.LOCK), shared=shared))
            if not mine:
                raise Refused(
                    Reason.REPOSITORY_IN_USE,
                    f"another run is changing the backups in {place}: wait until it has ended, then run this again",
                )
            if remember:
                self._held.add(place)
            try:
                yield
            finally:
                if remember:
                    self._held.discard(place)


@contextlib.contextmanager
def _explained(place: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in ReadOnly.ERRORS:
            raise ReadOnly(f"cannot lock {place}: {error.strerror}; it may only be read from here") from error
        raise RunFailed(
            f"cannot lock {place}: {error.strerror}; is the repository's disk there, writable, and one that has locks?"
        ) from error
