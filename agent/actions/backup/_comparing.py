"""Hold a restored tree against what its backup says of it, object by object."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from msgspec import Struct, field

from agent.digests import content_sha256
from agent.host.output import visible
from agent.model.backups import Entry
from agent.ports import Context

_TOLD = 20
"""So many differences are named; the rest are counted."""

_CHUNK = 1 << 20
_CLOSE = 0.001
"""Times are told in floating point: nearer than this, in seconds, they are the same."""

_COARSE = 0.02
"""The kernel's time of a change may lag so many seconds behind the clock."""

_KINDS: Mapping[str, Callable[[int], bool]] = {
    "file": stat.S_ISREG,
    "directory": stat.S_ISDIR,
    "link": stat.S_ISLNK,
    "hard link": lambda mode: not stat.S_ISDIR(mode),
    "fifo": stat.S_ISFIFO,
    "device": lambda mode: stat.S_ISBLK(mode) or stat.S_ISCHR(mode),
    "socket": stat.S_ISSOCK,
}


class Comparison(Struct):
    """What came of it: objects compared, files whose content was, bytes read, and each difference as a sentence.

    `others` are the objects that are no directories.
    `since` counts differences that came about after an instant, and so are nobody's fault.
    """

    objects: int = 0
    others: int = 0
    files: int = 0
    bytes: int = 0
    since: int = 0
    different: int = 0
    told: list[str] = field(default_factory=list)

    def differs(self, sentence: str) -> None:
        """Note a difference."""
        self.different += 1
        if len(self.told) < _TOLD:
            self.told.append(sentence)

    def sentences(self) -> list[str]:
        """Return the differences, the last one counting those that are not named."""
        more = self.different - len(self.told)
        return [*self.told, f"and {more} more"] if more > 0 else self.told


def shown(path: bytes) -> str:
    """Given a path of the kernel's, return it as text that can be told."""
    return visible(path.decode(errors="backslashreplace")).replace("\n", "\\n")


def compare(
    root: str, entries: Iterable[Entry], ctx: Context, *, total: int = 0, changed_since: float | None = None
) -> Comparison:
    """Given what a backup has, hold what is below `root` (`root` + path) against it, and return what was found.

    A path may be as long as the kernel takes them, however long that of the root is. With `changed_since`, an instant,
    what has changed or gone after it is counted and is no difference. Owners are compared by those who could have set
    them. `total` bytes are to be read, as far as it is known. Raises StopRequested.
    """
    found = Comparison()
    owners = os.geteuid() == 0
    with _top(root) as top:
        for entry in entries:
            ctx.checkpoint()
            ctx.progress(found.bytes, total, "bytes compared")
            path = entry.path.lstrip(b"/") or b"."
            try:
                wrong = _wrong(top, path, entry, found, owners=owners)
            except OSError as error:
                wrong = [str(error.strerror)]
            found.objects += 1
            found.others += entry.kind != "directory"
            if wrong and changed_since is not None and _changed(top, path, changed_since):
                found.since += 1
            elif wrong:
                found.differs(f"{shown(entry.path)}: {', '.join(wrong)}")
    return found


@contextmanager
def _top(root: str) -> Iterator[int]:
    descriptor = os.open(root or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wrong(top: int, path: bytes, entry: Entry, found: Comparison, *, owners: bool) -> list[str]:
    """Return what is different of one object, `path` below an open directory."""
    about = os.lstat(path, dir_fd=top)
    if not _KINDS[entry.kind](about.st_mode):
        return [f"is no {entry.kind}"]
    wrong = []
    closed = _closed(entry, about)
    if entry.kind != "link" and not closed and stat.S_IMODE(about.st_mode) != stat.S_IMODE(entry.mode):
        wrong.append(f"has mode {stat.S_IMODE(about.st_mode):04o} instead of {stat.S_IMODE(entry.mode):04o}")
    if owners and not closed and (about.st_uid, about.st_gid) != (entry.uid, entry.gid):
        wrong.append(f"belongs to {about.st_uid}:{about.st_gid} instead of {entry.uid}:{entry.gid}")
    if abs(about.st_mtime - entry.modified) > _CLOSE:
        wrong.append(f"was modified at {about.st_mtime:.6f} instead of {entry.modified:.6f}")
    if entry.kind == "link" and entry.target and (target := os.readlink(path, dir_fd=top)) != entry.target:
        wrong.append(f"leads to {shown(target)} instead of {shown(entry.target)}")
    if entry.kind == "file":
        if about.st_size != entry.size:
            wrong.append(f"has {about.st_size} bytes instead of {entry.size}")
        elif entry.sha256:
            found.files += 1
            found.bytes += about.st_size
            if digest(path, top) != entry.sha256:
                wrong.append("has another content")
    return wrong


def _closed(entry: Entry, about: os.stat_result) -> bool:
    """Tell whether an object is a device that nobody can use: drivers bring back no other ones as they were."""
    return entry.kind == "device" and stat.S_IMODE(about.st_mode) == 0 and about.st_uid == os.geteuid()


def _changed(top: int, path: bytes, since: float) -> bool:
    """Tell whether somebody changed an object, or took it away or put it there, after an instant."""
    while True:
        try:
            return os.lstat(path, dir_fd=top).st_ctime >= since - _COARSE
        except (FileNotFoundError, NotADirectoryError):
            path = os.path.dirname(path) or b"."
        except OSError:
            return False


def digest(path: bytes, top: int | None = None) -> str:
    """Return the SHA-256 of a regular file, below an open directory if one is given. Raises OSError for others too."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=top)
    with open(descriptor, "rb", buffering=0) as file:
        made = content_sha256()
        while chunk := file.read(_CHUNK):
            made.update(chunk)
    return made.hexdigest()


def others(root: str) -> int:
    """Return how many objects that are no directories are below a directory that is ours alone."""
    number = 0
    pending = ["."]
    with _top(root) as top:
        while pending:
            here = pending.pop()
            descriptor = os.open(here, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
            try:
                with os.scandir(descriptor) as found:
                    for one in found:
                        if one.is_dir(follow_symlinks=False):
                            pending.append(os.path.join(here, one.name) if here != "." else one.name)
                        else:
                            number += 1
            finally:
                os.close(descriptor)
    return number
