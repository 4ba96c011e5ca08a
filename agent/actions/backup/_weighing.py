"""What a restore would bring back and what it would replace, before anything is touched."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.actions.backup._comparing import shown
from agent.errors import Refused, RunFailed
from agent.model.backups import Entry
from agent.model.policies import Limits
from agent.model.reasons import Reason
from agent.readable import size


class Load(Struct):
    """Objects, and bytes in files."""

    items: int = 0
    bytes: int = 0

    def add(self, number: int) -> None:
        """Count one object of so many bytes."""
        self.items += 1
        self.bytes += number


def within(path: bytes, tops: Sequence[bytes]) -> bytes | None:
    """Return the first of some paths that a path is, or is below; None for no such one."""
    return next((top for top in tops if path == top or path.startswith(top.rstrip(b"/") + b"/")), None)


def selected(entries: Iterable[Entry], paths: Sequence[str]) -> dict[str, Load]:
    """Given what a backup has and the paths to bring back (none: all of it), return how much there is of each path.

    Raises RunFailed for a path that could lead anywhere but below where it is brought back to.
    """
    tops = [os.fsencode(path) for path in paths]
    found = {path: Load() for path in paths or ("/",)}
    for entry in entries:
        if not is_plain(entry.path):
            raise RunFailed(
                f"the backup has {shown(entry.path)}, which is no path that can be brought back: trust none"
            )
        top = within(entry.path, tops) if tops else b"/"
        if top is not None:
            found[os.fsdecode(top)].add(entry.size if entry.kind == "file" else 0)
    missing = [path for path, load in found.items() if paths and not load.items]
    if missing:
        raise RunFailed(
            f"the backup has nothing at {', '.join(missing)}: `hostkeeper backup find` says which ones have"
        )
    return found


def is_plain(path: bytes) -> bool:
    """Tell whether a path is absolute and leads nowhere but down."""
    if path == b"/":
        return True
    first, *names = path.split(b"/")
    return not first and bool(names) and not {b"", b".", b".."} & set(names) and b"\0" not in path


def there(path: str, checkpoint: Callable[[], None]) -> Load:
    """Return what is at and below a live path now. Links are not followed; what cannot be read counts as nothing."""
    found = Load()
    pending = [path]
    while pending:
        checkpoint()
        here = pending.pop()
        try:
            about = os.lstat(here)
            found.add(about.st_size)
            if os.path.isdir(here) and not os.path.islink(here):
                with os.scandir(here) as inside:
                    for one in inside:
                        if one.is_dir(follow_symlinks=False):
                            pending.append(one.path)
                        else:
                            found.add(one.stat(follow_symlinks=False).st_size)
        except OSError:
            continue
    return found


def require_within(limits: Limits, load: Load) -> None:
    """Raise Refused when more would be replaced than the limits of the task allow."""
    if limits.items is not None and load.items > limits.items:
        raise Refused(
            Reason.LIMIT_ITEMS,
            f"{load.items:,} objects would be replaced, and `limits.items` allows {limits.items:,}: "
            "look whether that is right, and raise it if it is",
        )
    if limits.bytes is not None and load.bytes > limits.bytes:
        raise Refused(
            Reason.LIMIT_BYTES,
            f"{size(load.bytes)} would be replaced, and `limits.bytes` allows {size(limits.bytes)}: "
            "look whether that is right, and raise it if it is",
        )


def require_disjoint(paths: Sequence[str]) -> None:
    """Raise RunFailed when paths lie in one another."""
    tops = [path.rstrip("/") + "/" for path in paths]
    for one in tops:
        inside = [other for other in tops if other != one and other.startswith(one)]
        if inside:
            raise RunFailed(f"{inside[0].rstrip('/')} is below {one}: name the outer one alone")


def require_apart(paths: Sequence[str], repository: Mapping[str, Any], own: str) -> None:
    """Raise RunFailed when one of some paths holds the repository or the agent's own state, or is in them."""
    tops = [path.rstrip("/") + "/" for path in paths]
    kept = {"the repository": repository["settings"].get("path"), "the agent's own state": own}
    for what, where in kept.items():
        if not isinstance(where, str):
            continue
        place = where.rstrip("/") + "/"
        for one in tops:
            if place.startswith(one) or one.startswith(place):
                raise RunFailed(f"{one} would be replaced while {what} is in {where}: restore to a directory instead")


def require_other_stores(databases: Sequence[Mapping[str, Any]], own: str) -> None:
    """Raise RunFailed when one of some databases is the store of the agent, whose runs have a place `own` beside it."""
    state = os.path.dirname(os.path.dirname(own))
    for one in databases:
        path = one["settings"].get("path")
        if isinstance(path, str) and os.path.dirname(os.path.realpath(path)) == state:
            raise RunFailed(
                f"the database {one['name']} is the agent's own store, which this run has open: name what else is to "
                "come back with --path and --database; the store comes with --to, or by `hostkeeper backup recover`"
            )
