"""The sources of a backup: whether they are there, what is left out of them, how large they are."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.digests import sha256
from agent.errors import RunFailed
from agent.host.output import visible

_SPECIAL = re.compile(r"([*?\[\]{}\\])")


class Sources(Struct, frozen=True):
    """What the options name: absolute paths, patterns of what is left out below them, and databases."""

    paths: tuple[str, ...]
    exclude: tuple[str, ...]
    databases: tuple[Mapping[str, Any], ...]
    one_file_system: bool

    def digest(self, repository: Mapping[str, Any]) -> str:
        """Given the repository, return a digest of what is backed up whereto: of places and names, and no passwords."""
        settings = repository["settings"]
        body = {
            "repository": [repository["name"], repository["driver"]],
            "place": [settings.get(key) for key in ("path", "repository", "stanza")],
            "paths": sorted(self.paths),
            "exclude": sorted(self.exclude),
            "one_file_system": self.one_file_system,
            "databases": sorted(f"{database['driver']}/{database['name']}" for database in self.databases),
        }
        return sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]


def sources_of(
    written: Sequence[Mapping[str, Any]], repository: Mapping[str, Any], *, one_file_system: bool
) -> Sources:
    """Given the `sources` of the options, return them; the place of the backups is never part of one."""
    paths: list[str] = []
    exclude: list[str] = []
    place = place_of(repository)
    for source in written:
        if (path := source["path"]) is not None:
            path = os.path.normpath(path)
            paths.append(path)
            exclude += [anchored for pattern in source["exclude"] for anchored in _anchored(path, pattern)]
            if place and place != (real := os.path.realpath(path)) and within(place, real):
                exclude.append(escaped(os.path.join(path, os.path.relpath(place, real))))
    databases = tuple(source["database"] for source in written if source["database"] is not None)
    return Sources(tuple(paths), tuple(dict.fromkeys(exclude)), databases, one_file_system)


def place_of(repository: Mapping[str, Any]) -> str:
    """Given a repository, return the directory of this host that it is in, without symbolic links, or ""."""
    settings = repository["settings"]
    place = str(settings.get("path") or settings.get("repository") or "").removeprefix("local:")
    return os.path.realpath(place) if place.startswith("/") else ""


def _anchored(path: str, pattern: str) -> tuple[str, ...]:
    """Given a source and a pattern, return patterns of absolute paths: without a slash it is one of names anywhere."""
    top = "" if path == "/" else escaped(path)
    pattern = pattern.rstrip("/")
    if pattern.startswith("/"):
        return (pattern,)
    return (f"{top}/{pattern}",) if "/" in pattern else (f"{top}/{pattern}", f"{top}/**/{pattern}")


def escaped(path: str) -> str:
    """Given a path, return the pattern that is it alone."""
    return _SPECIAL.sub(r"\\\1", path)


def within(path: str, top: str) -> bool:
    """Tell whether a path is another one or below it."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def require_paths(sources: Sources, repository: Mapping[str, Any], *, allow_empty: bool) -> None:
    """Raise RunFailed, naming each, for paths that are not there, cannot be read, are empty, or lie in one another or
    in the repository."""
    wrong = [problem for path in sources.paths if (problem := _problem(path, allow_empty=allow_empty))]
    place = place_of(repository)
    if place:
        inside = [path for path in sources.paths if within(os.path.realpath(path), place)]
        wrong += [f"{visible(path)} lies in the repository itself, name what is elsewhere" for path in inside]
    for index, path in enumerate(sources.paths):
        others = sources.paths[:index] + sources.paths[index + 1 :]
        wrong += [f"{visible(path)} lies in {visible(top)}, name one of them" for top in others if within(path, top)]
    if wrong:
        raise RunFailed(f"nothing was backed up: {'; '.join(wrong)}")


def _problem(path: str, *, allow_empty: bool) -> str:
    shown = visible(path)
    try:
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            return f"{shown} is a symbolic link, name what it leads to: {visible(os.path.realpath(path))}"
        if stat.S_ISDIR(about.st_mode):
            with os.scandir(path) as entries:
                if next(entries, None) is None and not allow_empty:
                    return f"{shown} is empty; if that is right, set `empty: allow`"
    except FileNotFoundError:
        return f"{shown} is not there"
    except OSError as error:
        return f"{shown} cannot be read: {error.strerror}"
    return ""


def measure(path: str, checkpoint: Callable[[], None]) -> tuple[int, int]:
    """Return how many regular files are at and below a path, and their bytes; what cannot be read counts for none."""
    files = size = 0
    pending = [path]
    while pending:
        checkpoint()
        here = pending.pop()
        try:
            about = os.lstat(here)
            if not stat.S_ISDIR(about.st_mode):
                files, size = files + 1, size + about.st_size
                continue
            with os.scandir(here) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        files += 1
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:
            continue
    return files, size
