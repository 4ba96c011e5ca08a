"""What a backup builds on. Where that cannot be, it is a full one, and its facts say why."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from agent.drivers.repositories.tar import layout, record, seal, sources
from agent.drivers.repositories.tar.record import Record
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repositories.tar.state import State
from agent.drivers.repository import Damaged, Request
from agent.model.backups import Backup, Level


class Basis(Struct, frozen=True, kw_only=True):
    """The level of a backup and its parent's id, "" for none; `keep` are ids whose state may be wanted afterwards."""

    level: Level
    parent: str
    keep: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)


def choose(site: Site, request: Request, paths: Sequence[str], state: State) -> Basis:
    """Given what was asked for, return what the backup is; the draft of the state is ready for tar then.

    Raises RunFailed and OSError when the state cannot be made ready.
    """
    parent = request.parent
    if request.level is Level.FULL or parent is None or not paths:
        facts = {}
        if paths and request.level is not Level.FULL:
            facts["level"] = f"full instead of {request.level}: there is no backup to build on"
        if paths:
            state.begin(None)
        return Basis(level=Level.FULL, parent="", facts=facts)
    why, full = _hindrance(site, request, paths)
    why = why or state.begin(parent.id)
    if why:
        return instead(request, state, why)
    return Basis(level=request.level, parent=parent.id, keep=(parent.id, full))


def instead(request: Request, state: State, why: str) -> Basis:
    """Begin a full backup instead of the one that was asked for. Raises as `choose` does."""
    state.begin(None)
    return Basis(level=Level.FULL, parent="", facts={"level": f"full instead of {request.level}: {why}"})


def _hindrance(site: Site, request: Request, paths: Sequence[str]) -> tuple[str, str]:
    """Return why one cannot build on the parent, or "", and the id of the full backup at the beginning of its chain."""
    parent = request.parent
    assert parent is not None
    if site.tools.clock.now().timestamp() < parent.ended:
        return "the clock stands before the end of the backup to build on", ""
    try:
        links = _chain(site, parent)
    except (Damaged, OSError) as error:
        return f"what it would build on cannot be read: {error}", ""
    if any(link.made.unread for link in links):
        return "what it would build on lacks files that could not be read", ""
    if links[0].made.selection != sources.selection(paths, request):
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
