"""What is to be backed up: whether it is there, and how tar is told of it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence

import msgspec

from agent.digests import sha256
from agent.drivers.repositories.tar.site import Site
from agent.drivers.repository import Request
from agent.errors import RunFailed

_OPTIONS = (
    "--create",
    "--file=-",
    "--format=posix",
    # Times of reading and of the inode are not brought back.
    "--pax-option=delete=atime,delete=ctime",
    "--record-size=128K",
    "--numeric-owner",
    "--xattrs",
    "--acls",
    "--sparse",
    # What cannot be read is told, and the rest is backed up.
    "--ignore-failed-read",
    "--quoting-style=escape",
    "--directory=/",
)


def checked(request: Request) -> tuple[str, ...]:
    """Return the paths to back up in order, without those that others bring along.

    Raises RunFailed unless each is a directory with something in it, or a regular file.
    """
    paths = sorted({_checked(path) for path in request.paths})
    return tuple(path for path in paths if not any(_brings(above, path, request) for above in paths))


def _checked(path: str) -> str:
    if not os.path.isabs(path):
        raise RunFailed(f"{path!r} is no absolute path: name what to back up from / on")
    path = os.path.normpath("/" + path.lstrip("/"))
    try:
        about = os.lstat(path)
        if stat.S_ISLNK(about.st_mode):
            raise RunFailed(f"{path} is a symbolic link: name what it leads to, {os.path.realpath(path)}")
        if stat.S_ISDIR(about.st_mode):
            with os.scandir(path) as entries:
                if next(entries, None) is None:
                    raise RunFailed(f"{path} is empty: is its file system mounted? Nothing was backed up")
        elif not stat.S_ISREG(about.st_mode):
            raise RunFailed(f"{path} is neither a directory nor a regular file")
    except OSError as error:
        raise RunFailed(f"cannot back up {path}: {error.strerror}") from error
    return path


def _brings(above: str, path: str, request: Request) -> bool:
    if above == path or not path.startswith(above.rstrip("/") + "/"):
        return False
    return not request.one_file_system or os.lstat(above).st_dev == os.lstat(path).st_dev


def still_there(paths: Sequence[str]) -> None:
    """Raise RunFailed when one of the paths went away, or was emptied, while it was backed up."""
    for path in paths:
        try:
            _checked(path)
        except RunFailed as error:
            raise RunFailed(f"while it was backed up: {error}") from error


def selection(paths: Sequence[str], request: Request) -> str:
    """Return a digest of what was asked for; a backup can build only on one of the same."""
    told = [list(paths), list(request.exclude), request.one_file_system]
    return sha256(msgspec.json.encode([*told, *_OPTIONS])).hexdigest()


def arguments(site: Site, paths: Sequence[str], request: Request, state: str) -> tuple[str, ...]:
    """Return the arguments of tar: `state` is the file with the state to build on, which is brought up to date."""
    return (
        *options(request),
        f"--listed-incremental={state}",
        *_exclude_literally(site.path),
        "--",
        *((os.path.relpath(path, "/")) for path in paths),
    )


def options(request: Request) -> tuple[str, ...]:
    """Return those arguments that say how the archive is written."""
    one = ("--one-file-system",) if request.one_file_system else ()
    patterns = [argument for pattern in request.exclude for argument in _exclude(pattern)]
    return (*_OPTIONS, *one, "--no-wildcards-match-slash", *patterns)


def _exclude(pattern: str) -> tuple[str, ...]:
    """A pattern that begins at / holds from there, any other one anywhere below.

    A star does not match a slash, two stars between slashes are any directories, or none. tar knows no two stars: in
    such a pattern every star matches slashes.
    """
    anchored = pattern.startswith("/")
    names = [pattern.strip("/")]
    deep = "**" in pattern
    if deep:
        names = [names[0].replace("**", "*"), names[0].replace("**/", "")]
    return (
        *(("--anchored",) if anchored else ()),
        *(("--wildcards-match-slash",) if deep else ()),
        *(f"--exclude={name}" for name in dict.fromkeys(names)),
        *(("--no-wildcards-match-slash",) if deep else ()),
        *(("--no-anchored",) if anchored else ()),
    )


def _exclude_literally(path: str) -> tuple[str, ...]:
    """The repository does not go into itself."""
    name = re.sub(r"([*?\[\]\\])", r"\\\1", os.path.relpath(os.path.realpath(path), "/"))
    return ("--anchored", f"--exclude={name}", "--no-anchored")
