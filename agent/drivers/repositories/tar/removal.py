"""Removes backups, and what died half way. Whatever is to go loses its name first, and is no backup from then on."""

from __future__ import annotations

import os
from collections.abc import Sequence

from agent.drivers.repositories.tar import layout, setup
from agent.drivers.repositories.tar.locks import Locks
from agent.drivers.repositories.tar.site import Site
from agent.errors import Refused, RunFailed
from agent.host import durable
from agent.host.scratch import remove_whole
from agent.model.backups import Backup


def remove(site: Site, locks: Locks, backups: Sequence[Backup]) -> int:
    """Remove backups, those first that build on others; return the bytes that came free.

    One that is not there any more is fine. Raises RunFailed, Refused when another agent is at one of them.
    """
    setup.require(site)
    freed = 0
    for backup in sorted(backups, key=lambda one: (one.began, one.id), reverse=True):
        with locks.hold(backup.host, backup.task):
            freed += _remove(layout.place(site.path, backup))
    return freed


def _remove(place: str) -> int:
    doomed = os.path.join(os.path.dirname(place), f"{layout.PARTIAL}removed-{os.path.basename(place)}")
    try:
        if not os.path.lexists(place):
            return 0
        durable.rename(place, doomed)
        size = _size(doomed)
        remove_whole(doomed)
    except OSError as error:
        raise RunFailed(f"cannot remove the backup in {place}: {error.strerror}") from error
    return size


def _size(place: str) -> int:
    """Return how many bytes the files of a directory take on the disk."""
    with os.scandir(place) as entries:
        return sum(entry.stat(follow_symlinks=False).st_blocks * 512 for entry in entries)


def sweep(site: Site, locks: Locks) -> tuple[str, ...]:
    """Remove what runs that died have left; return what was removed, by name below the repository.

    A series that another agent is at is left alone. Raises RunFailed.
    """
    setup.require(site)
    removed = []
    try:
        for host, task in _series(site.path):
            names = os.listdir(layout.series(site.path, host, task))
            partials = sorted(name for name in names if name.startswith(layout.PARTIAL))
            if partials:
                removed += _swept(site, locks, host, task)
    except OSError as error:
        raise RunFailed(f"cannot sweep {site.path}: {error.strerror}") from error
    return tuple(removed)


def _series(path: str) -> list[tuple[str, str]]:
    def inside(*names: str) -> list[str]:
        with os.scandir(os.path.join(path, *names)) as entries:
            return sorted(
                entry.name for entry in entries if layout.is_name(entry.name) and entry.is_dir(follow_symlinks=False)
            )

    return [(host, task) for host in inside() if host != "lost+found" for task in inside(host)]


def _swept(site: Site, locks: Locks, host: str, task: str) -> list[str]:
    place = layout.series(site.path, host, task)
    try:
        with locks.hold(host, task):
            # Only under the lock is what is there surely nobody's.
            partials = sorted(name for name in os.listdir(place) if name.startswith(layout.PARTIAL))
            for name in partials:
                remove_whole(os.path.join(place, name))
            return [os.path.join(host, task, ascii(name)[1:-1]) for name in partials]
    except Refused:
        return []
