"""Makes a repository, removes backups from it, and clears away what runs that died have left."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import msgspec

from agent.digests import sha256
from agent.drivers.repositories.restic.check import size
from agent.drivers.repositories.restic.engine import SHORT, Engine
from agent.drivers.repositories.restic.listing import Records
from agent.drivers.repositories.restic.record import RECORD, superseded
from agent.drivers.repositories.restic.site import Site
from agent.drivers.repositories.restic.waiting import patiently
from agent.drivers.repositories.restic.words import absent, last
from agent.drivers.repository import ReadOnly
from agent.errors import Refused, RunFailed
from agent.host.flock import locked
from agent.host.output import visible
from agent.host.scratch import remove_whole
from agent.model.backups import Backup
from agent.model.reasons import Reason

_CHECK_CACHE = "restic-check-cache-"
_LOCK = "hostkeeper"


def prepare(engine: Engine, records: Records) -> None:
    """As `Repository.prepare`. It is made only where there is certainly nothing."""
    site = engine.site
    ended = engine.run("cat", "config", "--no-lock", timeout=SHORT)
    if ended.code == 0:
        return
    if not absent(ended.messages):
        raise engine.failure("cat config", ended)
    if records.seen():
        raise RunFailed(
            f"there is no repository where {site.name} should be, and there was one when it was read last: look at its "
            f"storage; if a new one is to be made there, remove {site.place}"
        )
    if site.directory is not None and os.path.lexists(site.directory):
        with os.scandir(site.directory) as entries:
            # What mkfs and our own locks leave is no content.
            if any(entry.name != "lost+found" and not entry.name.startswith(_LOCK) for entry in entries):
                raise RunFailed(f"{site.directory} is not empty and no repository of restic: name another place")
    engine.must("init", "--repository-version", "2", timeout=SHORT)


class Locks:
    """Who may change what on this host: one lock for each series of backups, and one for the repository.

    Whoever changes a series holds its lock alone and shares that of the repository. Agents of other hosts are kept out
    by restic's own locks, which each of its commands takes.
    """

    def __init__(self, site: Site) -> None:
        self._site = site
        self._held: set[tuple[str, str]] = set()

    @contextlib.contextmanager
    def hold(self, host: str = "", task: str = "") -> Iterator[None]:
        """Hold the lock of a series, or that of the whole repository. Raises Refused when another agent has it.

        What is held here may be asked for again by the same driver.
        """
        if self._held & {("", ""), (host, task)}:
            yield
            return
        with contextlib.ExitStack() as stack:
            self._take(stack, f"{_LOCK}.lock", shared=bool(host))
            if host:
                series = sha256(f"{host}\0{task}".encode()).hexdigest()[:16]
                self._take(stack, f"{_LOCK}-{series}.lock", shared=False)
            self._held.add((host, task))
            stack.callback(self._held.discard, (host, task))
            yield

    def _take(self, stack: contextlib.ExitStack, name: str, *, shared: bool) -> None:
        site = self._site
        try:
            place = site.directory if site.directory and os.path.isdir(site.directory) else site.place
            if place == site.place:
                site.make_places()
            path = os.path.join(place, name)
            mine = stack.enter_context(locked(path, shared=shared))
        except OSError as error:
            kind = ReadOnly if error.errno in ReadOnly.ERRORS else RunFailed
            raise kind(f"cannot lock {site.name}: {error.strerror}") from error
        if not mine:
            raise Refused(
                Reason.REPOSITORY_IN_USE,
                f"another run is changing the backups in {site.name}: wait until it has ended, then run this again",
            )


def remove(engine: Engine, records: Records, backups: Sequence[Backup]) -> int:
    """As `Repository.remove`: forget and prune in one go, with the snapshots that record how those backups ended, and
    what others of these hosts have taken the place of."""
    present = records.all()
    marks = {one.id: one.mark for one in present if not one.has(RECORD)}
    doomed = {backup.id for backup in backups} & set(marks)
    if not doomed:
        return 0
    hosts = {backup.host for backup in backups}
    old = superseded(present)
    doomed |= {one.id for one in present if one.id in old and one.hostname in hosts}
    left = {mark for snapshot, mark in marks.items() if mark[0] and snapshot not in doomed}
    doomed |= {one.id for one in present if one.has(RECORD) and one.hostname in hosts and one.mark not in left}
    before = size(engine)
    patiently(engine.site.tools, lambda: engine.must("forget", "--prune", *sorted(doomed)))
    records.forget(doomed)
    still = doomed & {one.id for one in records.all()}
    if still:
        told = ", ".join(sorted(one[:8] for one in still))
        raise RunFailed(f"restic says that it removed backups, and {engine.site.name} still lists {told}")
    return max(0, before - (size(engine) if marks.keys() - doomed else 0))


def sweep(engine: Engine) -> tuple[str, ...]:
    """As `Repository.sweep`: locks of programs that died on this host or half an hour ago, and our own leftovers."""
    removed = [*_unlocked(engine), *_emptied(engine.site)]
    return tuple(removed)


def _unlocked(engine: Engine) -> Iterator[str]:
    before = _locks(engine)
    if before:
        told = {lock: _holder(engine, lock) for lock in before}
        engine.unlock()
        after = _locks(engine)
        yield from (f"stale lock {lock[:8]}{told[lock]}" for lock in before if lock not in after)


def _locks(engine: Engine) -> list[str]:
    lines: list[bytes] = []
    engine.must("list", "locks", "--no-lock", hear=lines.append, timeout=SHORT)
    return sorted(line.decode("ascii", "replace").strip() for line in lines if line.strip())


def _holder(engine: Engine, lock: str) -> str:
    lines: list[bytes] = []
    ended = engine.run("cat", "lock", lock, "--no-lock", hear=lines.append, timeout=SHORT)
    if ended.code == 0:
        with contextlib.suppress(ValueError):
            told = msgspec.json.decode(b"\n".join(lines), type=dict[str, object])
            kind = "exclusive " if told.get("exclusive") else ""
            return visible(f" ({kind}of process {told.get('pid')} on {told.get('hostname')} since {told.get('time')})")
    return f" ({last(ended.messages, ended.code)})"


def _emptied(site: Site) -> Iterator[str]:
    if os.path.lexists(site.parts):
        remove_whole(site.parts)
        yield f"copies of databases in {site.parts}"
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(site.cache)):
            if name.startswith(_CHECK_CACHE):
                remove_whole(os.path.join(site.cache, name))
                yield f"the cache {name} of a check"
