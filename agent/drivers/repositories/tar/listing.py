"""Tells which backups are in a repository. What is none is told too, and nothing is left out in silence."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator

from agent.drivers.repositories.tar import layout, record, seal, setup
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Damaged, ListingFailed
from agent.errors import RunFailed
from agent.model.backups import Backup, Junk, Listing

_OURS = frozenset({layout.MARKER, layout.README, layout.LOCK, "lost+found"})


def read(site: Site, host: str = "", task: str = "") -> Listing:
    """Return the backups of a host and a task (empty: of all), oldest first, and what lies among them.

    Each is held against its name by the record in it and the sums, not by its files. Raises ListingFailed when there
    is no repository, and when a directory cannot be read or goes away meanwhile.
    """
    backups: list[Backup] = []
    junk: list[Junk] = []
    try:
        setup.require(site)
    except RunFailed as error:
        raise ListingFailed(str(error)) from error
    try:
        for place in _series(site.path, host, task, junk):
            _read_series(site, place, backups, junk)
    except OSError as error:
        raise ListingFailed(
            f"cannot tell what is in {site.path}: {error.filename or ''}: {error.strerror}; nothing is concluded"
        ) from error
    backups.sort(key=lambda backup: (backup.began, backup.id))
    return Listing(tuple(backups), tuple(junk))


def _series(path: str, host: str, task: str, junk: list[Junk]) -> Iterator[str]:
    for here in _asked(path, host) if host else _directories(path, "", junk):
        under = os.path.join(path, here)
        for one in _asked(under, task) if task else _directories(under, here, junk):
            yield layout.series(path, here, one)


def _asked(path: str, name: str) -> tuple[str, ...]:
    """Return the name of a directory that was asked for, if there is one. Raises OSError for anything else there."""
    if not layout.is_name(name):
        raise RunFailed(f"{name!r} cannot name a host or a task in a repository")
    place = os.path.join(path, name)
    try:
        about = os.lstat(place)
    except FileNotFoundError:
        return ()
    if not stat.S_ISDIR(about.st_mode):
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), place)
    return (name,)


def _directories(path: str, under: str, junk: list[Junk]) -> list[str]:
    """Return the names of the directories in a directory that may lead to backups; what else is there is junk."""
    found = []
    for name in sorted(os.listdir(path)):
        if name in _OURS:
            continue
        shown = ascii(os.path.join(under, name))[1:-1]
        if not layout.is_name(name):
            junk.append(Junk(shown, "no agent gives such names"))
        elif not stat.S_ISDIR(os.lstat(os.path.join(path, name)).st_mode):
            junk.append(Junk(shown, "not a directory"))
        else:
            found.append(name)
    return found


def _read_series(site: Site, place: str, backups: list[Backup], junk: list[Junk]) -> None:
    for name in sorted(os.listdir(place)):
        if name == layout.LOCK:
            continue
        path = os.path.join(place, name)
        told = layout.parse_id(name)
        why = ""
        if name.startswith(layout.PARTIAL):
            why = "half made or half removed: its run died, or is at it right now"
        elif told is None:
            why = "its name is not that of a backup"
        elif not stat.S_ISDIR(os.lstat(path).st_mode):
            why = "not a directory"
        else:
            why = _read_backup(site, path, backups)
        if why:
            junk.append(Junk(ascii(os.path.relpath(path, site.path))[1:-1], why))


def _read_backup(site: Site, path: str, backups: list[Backup]) -> str:
    """Add the backup in a directory, or return why there is none."""
    try:
        backups.append(record.read(path, site.name, seal.read(path)).backup)
    except Damaged as error:
        return f"damaged: {error}"
    return ""
