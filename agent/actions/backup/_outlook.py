"""Look at everything that could go wrong with a restore, and say what it would do, before anything is touched."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from msgspec import Struct

from agent.actions.backup._places import Stage, existing, is_roots, require_replaceable
from agent.actions.backup._room import require_room
from agent.actions.backup._subject import Subject
from agent.actions.backup._weighing import (
    Load,
    require_apart,
    require_disjoint,
    require_other_stores,
    require_within,
    selected,
    there,
)
from agent.errors import RunFailed
from agent.host.tree import Kernel, UnsafePath, open_root
from agent.model.actions import Fact
from agent.model.backups import Backup
from agent.readable import size
from agent.rules.chains import chain

_OF_MOUNT = "lost+found"


class Outlook(Struct, frozen=True):
    """What a restore is about: the backup, its databases, what it brings back by path, and what it replaces."""

    backup: Backup
    databases: tuple[str, ...]
    loads: dict[str, Load]
    replaced: Load
    stages: tuple[Stage, ...]


def look(subject: Subject) -> Outlook:
    """Return what a restore would do. Raises RunFailed, NotFound, UnsafePath and Refused when it could not, or not
    safely."""
    options, ctx = subject.options, subject.ctx
    require_disjoint(options.paths)
    require_apart(options.paths if options.to is None else [options.to], options.repository, ctx.place)
    if options.to is None and not options.tables:
        require_other_stores(options.databases, ctx.place)
    repository = subject.repository()
    backup = subject.backup(repository)
    for link in chain(subject.listing(repository), backup.id):
        repository.verify(link, deep=False)
    parts = subject.parts(backup)
    loads = selected(repository.entries(backup), options.paths) if subject.wants_files(backup) else {}
    replaced = Load()
    if options.to is not None:
        require_empty(options.to)
        require_roots(options.to)
        whole = total(loads.values())
        loads = {"/": Load(whole.items, whole.bytes + sum(part.bytes for part in parts))}
    for path in options.paths if options.to is None else ():
        require_replaceable(path)
        load = there(path, ctx.checkpoint) if os.path.lexists(path) else Load()
        replaced = total((replaced, load))
    require_within(ctx.limits, replaced)
    chosen = subject.stages() if subject.about_files else ()
    for stage in chosen:
        need = sum(load.bytes for path, load in loads.items() if path in stage.paths or not stage.paths)
        require_room(existing(stage.directory), need)
    return Outlook(backup, tuple(part.name for part in parts), loads, replaced, chosen)


def summary(subject: Subject, outlook: Outlook) -> str:
    """Return in one sentence what a restore would do."""
    brought = total(outlook.loads.values())
    what = [f"{brought.items:,} objects ({size(brought.bytes)})"] if outlook.loads else []
    what += [f"the database {name}" for name in outlook.databases]
    sentence = f"bring back {' and '.join(what)} from {outlook.backup.id}"
    if subject.options.to is not None:
        return f"{sentence} into {subject.options.to}"
    if subject.options.paths:
        return f"{sentence}, replacing {outlook.replaced.items:,} objects ({size(outlook.replaced.bytes)})"
    return sentence


def facts(outlook: Outlook) -> dict[str, Fact]:
    """Return what the journal keeps of an outlook."""
    brought = total(outlook.loads.values())
    return {
        "backup": outlook.backup.id,
        "flaws": len(outlook.backup.flaws),
        "objects": brought.items,
        "bytes": brought.bytes,
        "replaced_objects": outlook.replaced.items,
        "replaced_bytes": outlook.replaced.bytes,
    }


def require_empty(directory: str) -> None:
    """Raise RunFailed unless a directory is empty, or can be made, and UnsafePath if others decide where it is."""
    try:
        about = os.lstat(directory)
    except FileNotFoundError:
        above = os.path.dirname(directory.rstrip("/"))
        if not os.path.isdir(above):
            raise RunFailed(f"{above} does not exist: make it first") from None
        open_root(above, Kernel()).close()
        return
    if not stat.S_ISDIR(about.st_mode):
        raise RunFailed(f"{directory} is no directory: name another one")
    open_root(directory, Kernel()).close()
    inside = [name for name in os.listdir(directory) if not name.startswith(".hostkeeper-restore-")]
    if inside not in ([], [_OF_MOUNT]):
        raise RunFailed(f"{directory} is not empty: name an empty directory, or one that is not there yet")


def require_roots(directory: str) -> None:
    """Raise UnsafePath when others could lead what is brought back into a directory somewhere else meanwhile."""
    here = directory if os.path.lexists(directory) else os.path.dirname(directory)
    if not is_roots(here):
        raise UnsafePath(
            f"others than root decide what is in {here}: bring back into one of root's, and give it to them then"
        )


def total(loads: Iterable[Load]) -> Load:
    """Return the sum of loads."""
    items = bytes_ = 0
    for load in loads:
        items, bytes_ = items + load.items, bytes_ + load.bytes
    return Load(items, bytes_)
