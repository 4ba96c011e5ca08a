"""What a backup builds on. Where that cannot be, it is a full one, and its facts say why."""

from __future__ import annotations

import os
from collections.abc import Mapping

from msgspec import Struct, field

from agent.drivers.repositories.tar import layout, record, seal, sources
from agent.drivers.repositories.tar.job import Job
from agent.drivers.repositories.tar.record import Record
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged
from agent.model.backups import Backup, Level


class Basis(Struct, frozen=True, kw_only=True):
    """The level of a backup and its parent's id, "" for none; `keep` are ids whose state may be wanted afterwards."""

    level: Level
    parent: str
    keep: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def choose(job: Job) -> Basis:
    """Return what a backup builds on; the draft of tar's state is ready for it then.

    Raises RunFailed and OSError when the state cannot be made ready.
    """
    level, parent = job.request.level, job.request.parent
    if not job.paths:
        return Basis(level=Level.FULL, parent="")
    if level is Level.FULL:
        job.state.begin(None)
        return Basis(level=Level.FULL, parent="")
    if parent is None:
        return instead(job, "there is no backup to build on")
    why, full = _hindrance(job, parent)
    why = why or job.state.begin(parent.id)
    if why:
        return instead(job, why)
    return Basis(level=level, parent=parent.id, keep=(parent.id, full))


def instead(job: Job, why: str) -> Basis:
    """Begin a full backup instead of the one that was asked for. Raises as `choose` does."""
    job.state.begin(None)
    return Basis(level=Level.FULL, parent="", facts={"level": f"full instead of {job.request.level}: {why}"})


def _hindrance(job: Job, parent: Backup) -> tuple[str, str]:
    """Return why one cannot build on the parent, or "", and the id of the full backup at the beginning of its chain."""
    if job.site.tools.clock.now().timestamp() < parent.ended:
        return "the clock stands before the end of the backup to build on", ""
    try:
        links = _chain(job.site, parent)
    except (Damaged, OSError) as error:
        return f"what it would build on cannot be read: {error}", ""
    if any(link.made.unread for link in links):
        return "what it would build on lacks files that could not be read", ""
    if links[0].made.selection != sources.selection(job.paths, job.request):
        return "the paths, the patterns, or how they are archived are not those of the backup to build on", ""
    return "", links[-1].backup.id


def _chain(site: Site, backup: Backup) -> list[Record]:
    """Return the records of a backup and of all that it builds on. Raises Damaged, OSError."""
    links: list[Record] = []
    name, seen = backup.id, set[str]()
    while name:
        if name in seen:
            raise Damaged(f"{name} builds on itself")
        seen.add(name)
        where = os.path.join(layout.series(site.path, backup.host, backup.task), name)
        links.append(record.read(where, site.name, seal.read(where)))
        name = links[-1].backup.parent
    return links
