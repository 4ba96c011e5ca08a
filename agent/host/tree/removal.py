"""Look at the entries of a directory, and remove those that a judge gives up, each right after it was looked at.

Between the look and the removal of an entry nothing happens but the judging, so that what is removed is what was
judged: an entry that became younger, larger or another one in the meantime is judged as what it is.
"""

from __future__ import annotations

import errno
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Generator

from msgspec import Struct, field

from agent.host.tree.directory import Directory
from agent.model.reasons import Reason

Judge = Callable[[str, os.stat_result], Reason]

_KIND, _REGULAR = 0o170000, stat.S_IFREG
_NEVER = -(1 << 63)
"""No file was modified before this instant: it is the smallest the kernel can tell."""

_KEPT_BECAUSE = {
    errno.ENOENT: Reason.VANISHED,
    errno.EISDIR: Reason.CHANGED_SINCE_SEEN,
    errno.EBUSY: Reason.OTHER_FILE_SYSTEM,
}
"""What the kernel's refusal to remove an entry means; a busy one is the place of a mount."""


class Problem(Struct, frozen=True):
    """An entry that could not be dealt with: its name ("" is the directory itself), and what the kernel said."""

    name: str
    text: str


class Batch(Struct):
    """What became of some entries of a directory: names removed by reason, bytes in them, numbers kept by reason."""

    removed: dict[Reason, list[str]]
    bytes: int = 0
    kept: Counter[Reason] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)


def clean(
    directory: Directory, judge: Judge, doomed: Collection[Reason], sure: tuple[int, Reason] | None = None
) -> Generator[Batch, None, None]:
    """Given a directory just entered, remove each entry that gets one of the `doomed` reasons.

    `sure` spares the judge the commonest case: regular files last modified before that instant, in nanoseconds since
    the epoch, are doomed for that reason whatever their names.
    Yield what was done after each batch of entries; the caller may stop there. What cannot be looked at or removed is
    kept, and the batch says why.
    """
    fd, look, unlink = directory.fd, os.stat, os.unlink
    before, sure_reason = sure or (_NEVER, None)
    try:
        for entries in directory.batches():
            batch = Batch({reason: [] for reason in doomed})
            removed, kept, size = batch.removed, batch.kept, 0
            surely = removed[sure_reason] if sure_reason else []
            for name in entries:
                about = None
                try:
                    about = look(name, dir_fd=fd, follow_symlinks=False)
                    if about.st_mtime_ns < before and about.st_mode & _KIND == _REGULAR:
                        names: list[str] | None = surely
                    else:
                        reason = judge(name, about)
                        names = removed.get(reason)
                    if names is None:
                        kept[reason] += 1
                    else:
                        unlink(name, dir_fd=fd)
                        names.append(name)
                        size += about.st_size
                except OSError as error:
                    _refused(batch, name, error, seen=about is not None)
            batch.bytes = size
            yield batch
    except OSError as error:
        yield _refused(Batch({}), "", error, seen=False)


def _refused(batch: Batch, name: str, error: OSError, *, seen: bool) -> Batch:
    """Note in a batch that the kernel refused to show an entry, or to remove one that was seen; return the batch."""
    reason = _KEPT_BECAUSE.get(error.errno or 0)
    if reason is None:
        reason = Reason.UNDELETABLE if seen else Reason.UNREADABLE
        batch.problems.append(Problem(name, error.strerror or str(error)))
    batch.kept[reason] += 1
    return batch


def remove_directory(directory: Directory) -> Reason | None:
    """Given a directory that is being left, remove it if it is empty; return why it was kept, or None.

    Raises OSError when the kernel refuses for a reason that a person has to look at.
    """
    assert directory.parent is not None
    parent = directory.parent.fd
    try:
        about = os.stat(directory.name, dir_fd=parent, follow_symlinks=False)
        if (about.st_dev, about.st_ino) != (directory.device, directory.inode):
            return Reason.CHANGED_SINCE_SEEN
        os.rmdir(directory.name, dir_fd=parent)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            return Reason.NOT_EMPTY
        if error.errno == errno.ENOTDIR:
            return Reason.CHANGED_SINCE_SEEN
        if error.errno in _KEPT_BECAUSE:
            return _KEPT_BECAUSE[error.errno]
        raise
    return None
