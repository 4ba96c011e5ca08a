"""Logs before and after rotation: what there is, and the proof that what was to be rotated was."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

from msgspec import Struct

from agent.digests import blake2b
from agent.errors import RunFailed
from agent.host.following import logs_at
from agent.host.following.candidates import Candidate, listed
from agent.host.tree import Kernel, UnsafePath, open_root
from agent.rules.rotating import Generation

_CHUNK = 1 << 20


class Before(Struct, frozen=True):
    """A log as it was before it was rotated. `digest` is that of its content, "" where that is not needed."""

    path: str
    device: int
    inode: int
    size: int
    mode: int
    uid: int
    gid: int
    digest: str = ""


class Around(Struct, frozen=True):
    """A log and what lies beside it: who owns its directory, who may write there, and older generations."""

    log: Before
    directory_uid: int
    directory_gid: int
    directory_mode: int
    generations: tuple[Generation, ...]


def found(pattern: str, *, missing_ok: bool) -> list[str]:
    """Return the logs of a pattern that are there. Raises RunFailed when there is none and that is no good."""
    try:
        paths = [path for path in logs_at(pattern) if os.path.lexists(path)]
    except (OSError, UnsafePath) as error:
        if missing_ok and isinstance(error, FileNotFoundError):
            return []
        raise RunFailed(f"{pattern}: {error}") from error
    if not paths and not missing_ok:
        raise RunFailed(f"{pattern}: there is no such log; `missing: skip` bears with that")
    return paths


def around(path: str, *, digest: bool) -> Around | None:
    """Look at a log and its directory, and return what is there, None without a log. Raises RunFailed."""
    directory, _, name = path.rpartition("/")
    try:
        root = open_root(directory or "/", Kernel())
    except (OSError, UnsafePath) as error:
        raise RunFailed(f"{path}: {error}") from error
    try:
        above = os.fstat(root.fd)
        log = _before(root.fd, path, name, digest=digest)
        generations = list(_generations(root.fd, name))
    except OSError as error:
        raise RunFailed(f"{path}: {error.strerror}") from error
    finally:
        root.close()
    if log is None:
        return None
    mode = stat.S_IMODE(above.st_mode)
    # Where everybody may put files, those of others are no generations of this log: they would crowd out its own.
    ours = tuple(one for owner, one in generations if not mode & stat.S_IWOTH or owner == log.uid)
    return Around(log, above.st_uid, above.st_gid, mode, ours)


def _generations(directory: int, name: str) -> Iterator[tuple[int, Generation]]:
    """Yield the files whose names begin as that of a log does, each with its owner."""
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith(name) and entry.name != name and entry.is_file(follow_symlinks=False):
                about = entry.stat(follow_symlinks=False)
                yield about.st_uid, Generation(entry.name, about.st_size, about.st_mtime)


def _before(directory: int, path: str, name: str, *, digest: bool) -> Before | None:
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RunFailed(f"{path} is a symbolic link, and is not rotated: name the file that it leads to") from error
        raise
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise RunFailed(f"{path} is no ordinary file, and is not rotated")
        if about.st_nlink > 1:
            raise RunFailed(f"{path} has {about.st_nlink} names (hard links), and is not rotated: remove the others")
        content = _digest(descriptor, about.st_size) if digest else ""
    finally:
        os.close(descriptor)
    mode = stat.S_IMODE(about.st_mode)
    return Before(path, about.st_dev, about.st_ino, about.st_size, mode, about.st_uid, about.st_gid, content)


def _digest(descriptor: int, size: int) -> str:
    found = blake2b(digest_size=16)
    at = 0
    while at < size and (chunk := os.pread(descriptor, min(_CHUNK, size - at), at)):
        found.update(chunk)
        at += len(chunk)
    return found.hexdigest() if at == size else ""


def problem(before: Before, *, copied: bool, created: bool) -> str:
    """Given a log that was to be rotated, say why it was not, "" if it was.

    Its content is whole in an older generation, the very file or a copy of it, and what is at its path is another file,
    or the same one and shorter.
    """
    with ExitStack() as stack:
        try:
            files = listed(before.path, stack)
        except (OSError, UnsafePath, RunFailed) as error:
            return str(error)
        current = next((one for one in files if one.current), None)
        older = [one for one in files if not one.current and not one.ending]
        if copied:
            return _copy_problem(before, current, older)
        kept = next((one for one in older if (one.device, one.inode) == (before.device, before.inode)), None)
        if kept is None:
            return "it was not renamed"
        if kept.size < before.size:
            return f"{kept.name} has {kept.size:,} bytes, and the log had {before.size:,}"
        return "there is no new log in its place" if created and current is None else ""


def _copy_problem(before: Before, current: Candidate | None, older: list[Candidate]) -> str:
    if not any(one.size >= before.size and _digest(one.descriptor, before.size) == before.digest for one in older):
        return "there is no whole copy of it"
    if current is None:
        return "it is gone"
    same = current.size >= before.size and _digest(current.descriptor, before.size) == before.digest
    return "it was copied and not truncated" if same and before.size else ""


def sizes(befores: Sequence[Before]) -> dict[str, int]:
    """Return how large the renamed logs are now, by the path that they had; those that are not found are left out."""
    found = {}
    for before in befores:
        with ExitStack() as stack, suppress(OSError, UnsafePath, RunFailed):
            for one in listed(before.path, stack):
                if not one.current and (one.device, one.inode) == (before.device, before.inode):
                    found[before.path] = one.size
    return found


def create_missing(before: Before) -> bool:
    """Make the new log where a rotation that was killed has renamed the old one and made none; tell whether it did."""
    directory, _, name = before.path.rpartition("/")
    root = open_root(directory or "/", Kernel())
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, flags, before.mode, dir_fd=root.fd)
    except FileExistsError:
        return False
    finally:
        root.close()
    try:
        if os.geteuid() == 0:
            os.fchown(descriptor, before.uid, before.gid)
        os.fchmod(descriptor, before.mode)
    finally:
        os.close(descriptor)
    return True
