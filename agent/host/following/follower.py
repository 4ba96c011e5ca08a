"""Follow one log through its rotation.

A log that is renamed goes on in the renamed file for as long as its writer has it open, so that file is read until it
is compressed or has been quiet for LINGER. One that is copied and truncated is found again in the copy, by its content.
What cannot be known: lines written between copying and truncating, which are in neither; and a truncation after which
the very same bytes stand in the same place again.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress

from msgspec.structs import replace

from agent.errors import RunFailed
from agent.host.following.candidates import Candidate, listed, still
from agent.host.following.content import Unpack, read_at
from agent.host.following.position import MARK, Part, Position, digest
from agent.host.following.reading import Reading
from agent.host.tree import Kernel, open_root
from agent.rules.generations import written
from agent.rules.patterns import Patterns

LINGER = 3600.0
"""For so many seconds without a new line a renamed log may still get one."""

SETTLE = 5.0
"""A log that was not written to for so many seconds has nothing more to say for now."""

_LOOKS = 3
_TRIES = 8


def logs_at(pattern: str) -> list[str]:
    """Given the path of a log, in whose last name `*`, `?` and `[a-z]` may stand, return the paths of the logs there.

    Older generations of a log and compressed files are no logs. Raises OSError, and UnsafePath for a directory that
    others could have put there.
    """
    directory, _, name = pattern.rpartition("/")
    if not set(name) & set("*?["):
        return [pattern]
    root = open_root(directory or "/", Kernel())
    try:
        matches = Patterns([name]).within("")
        with os.scandir(root.fd) as entries:
            found = [one.name for one in entries if one.is_file(follow_symlinks=False) and matches(one.name)]
    finally:
        root.close()
    return [f"{directory}/{one}" for one in written(found)]


def fits(path: str, pattern: str) -> bool:
    """Given the path of a log and a pattern as `logs_at` takes it, tell whether the path is one of the pattern."""
    directory, _, name = pattern.rpartition("/")
    if not set(name) & set("*?["):
        return path == pattern
    where, _, log = path.rpartition("/")
    return where == directory and bool(Patterns([name]).within("")(log))


class Follower:
    """Follows the log at a path from a position, None for a log that was never looked at. Use it in a `with`.

    `now` is seconds since the epoch. A log that was never looked at is read from its beginning, or with `from_end` only
    from what it holds now on. `lost` says afterwards what was rotated or truncated away before it was read.
    """

    def __init__(
        self, path: str, position: Position | None, *, now: float, unpack: Unpack, from_end: bool = False
    ) -> None:
        self.path = path
        self.lost = ""
        self.readings: list[Reading] = []
        self._before = position
        self._now = now
        self._unpack = unpack
        self._from_end = from_end
        self._stack = ExitStack()
        self._found: list[Candidate] = []
        self._head = b""

    def __enter__(self) -> Follower:
        """Find the files of the log. Raises OSError, UnsafePath, and RunFailed for something that is no log."""
        try:
            for _ in range(_TRIES):
                self.lost, self.readings = "", []
                self._find()
                if self._as_it_was():
                    return self
            raise RunFailed(f"{self.path} is rotated faster than it can be looked at")
        except BaseException:
            self._stack.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def position(self) -> Position:
        """Return where reading stands now: files that are finished and were read to their end are left out."""
        parts = [reading.part for reading in self.readings if not (reading.finished and reading.ended)]
        # Of a log whose file is gone for a moment, the last one is needed to know which of those to come are new.
        return Position(seen=self._now, parts=tuple(parts or [reading.part for reading in self.readings[-1:]]))

    def _as_it_was(self) -> bool:
        """Tell whether nothing was rotated since the files were listed: of what is truncated there is a copy by then.

        The content is looked at before the names are, since it is truncated after the copy has its name.
        """
        current = next((one for one in self._found if one.current), None)
        same = current is None or read_at(current.descriptor, 0, len(self._head)) == self._head
        return same and still(self.path, self._found)

    def _find(self) -> None:
        found, placed = self._seen()
        current = next((one for one in found if one.current), None)
        if self._before is None:
            if current is not None:
                part = self._fresh(current)
                self._take([(current, self._at_end(current, part) if self._from_end else part)])
            return
        if self._missed(placed):
            self.lost = (
                f"{self.path}: a file of this log was rotated away, truncated or removed before it was read to its end"
            )
            placed += self._overtaken(found, placed)
        taken = {id(one) for one, _ in placed}
        newest = max((found.index(one) for one, _ in placed), default=len(found))
        # An empty log may have been written to, copied and truncated since, and be empty again.
        known = max((found.index(one) for one, part in placed if part.head_size), default=-1)
        for number, one in enumerate(found):
            if id(one) in taken or (not one.current and self._is_copy(one, self._before.parts)):
                continue
            new = one.current or number > newest or (number > known and one.modified > self._before.seen)
            if new and (one.current or not _copied(one, current)):
                placed.append((one, self._fresh(one)))
        self._take(sorted(placed, key=lambda pair: found.index(pair[0])))

    def _seen(self) -> tuple[list[Candidate], list[tuple[Candidate, Part]]]:
        """Return the files of the log, and which of them each part is now.

        A log that is truncated while it is looked at is neither what it was nor what its copy is: look again.
        """
        for _ in range(_LOOKS):
            self._stack.close()
            self._found = found = listed(self.path, self._stack)
            self._head = b"".join(read_at(one.descriptor, 0, MARK) for one in found if one.current)
            placed = self._placed(found, self._before.parts) if self._before is not None else []
            if not self._missed(placed):
                break
        return found, placed

    def _missed(self, placed: Sequence[tuple[Candidate, Part]]) -> list[Part]:
        """Return the parts of which no file was found."""
        kept = {part.head for _, part in placed}
        parts = self._before.parts if self._before is not None else ()
        return [part for part in parts if part.head_size and part.head not in kept]

    def _overtaken(
        self, found: Sequence[Candidate], placed: Sequence[tuple[Candidate, Part]]
    ) -> Iterator[tuple[Candidate, Part]]:
        """Yield copies that hold less than was read before the log was truncated: nothing in them is new."""
        free = [one for one in found if not one.current and one not in [other for other, _ in placed]]
        for part in self._missed(placed):
            for one in free:
                if self._is_copy(one, [part]):
                    tail = read_at(one.descriptor, max(0, one.size - MARK), min(one.size, MARK))
                    where = replace(part, device=one.device, inode=one.inode, born=one.born)
                    yield one, replace(where, offset=one.size, tail=digest(tail))
                    break

    def _take(self, placed: Sequence[tuple[Candidate, Part]]) -> None:
        for one, part in placed:
            quiet = self._now - one.modified
            finished = not one.current and (bool(one.ending) or quiet >= LINGER)
            if not one.ending and part.head_size < min(MARK, one.size):
                # What was seen and not taken yet, such as half a line, makes the file known as well.
                head = read_at(one.descriptor, 0, MARK)
                known = replace(part, head=digest(head), head_size=len(head))
            else:
                known = part
            self.readings.append(Reading(one, known, finished, finished or quiet >= SETTLE, self._unpack))

    def _fresh(self, one: Candidate) -> Part:
        head = b""
        with suppress(RunFailed, OSError):
            head = one.reader(self._unpack)(0, MARK)
        return Part(
            device=one.device,
            inode=one.inode,
            born=one.born,
            head=digest(head) if head else "",
            head_size=len(head),
        )

    def _at_end(self, one: Candidate, part: Part) -> Part:
        """Return a position after the last whole line of a file."""
        end = one.size
        while end > 0:
            start = max(0, end - (1 << 16))
            cut = read_at(one.descriptor, start, end - start).rfind(b"\n")
            if cut >= 0:
                offset = start + cut + 1
                tail = read_at(one.descriptor, max(0, offset - MARK), min(offset, MARK))
                return replace(part, offset=offset, tail=digest(tail))
            end = start
        return part

    def _placed(self, found: Sequence[Candidate], parts: Sequence[Part]) -> list[tuple[Candidate, Part]]:
        """Return which file each part is now, as far as they are found."""
        placed: list[tuple[Candidate, Part]] = []
        free = list(found)
        for by_content in (False, True):
            for part in parts:
                if any(part is known for _, known in placed):
                    continue
                one = next((one for one in free if self._is_it(one, part, by_content=by_content)), None)
                if one is not None:
                    free.remove(one)
                    placed.append((one, part))
        known = {id(part): number for number, part in enumerate(parts)}
        placed.sort(key=lambda pair: known[id(pair[1])])
        return [(one, replace(part, device=one.device, inode=one.inode, born=one.born)) for one, part in placed]

    def _is_it(self, one: Candidate, part: Part, *, by_content: bool) -> bool:
        if not by_content and (one.device, one.inode, one.born) != (part.device, part.inode, part.born):
            return False
        if not part.head_size and (by_content or one.ending):
            return False
        if not one.ending and one.size < part.offset:
            return False
        return self._fits(one, part)

    def _fits(self, one: Candidate, part: Part) -> bool:
        with suppress(RunFailed, OSError):
            return part.fits(one.reader(self._unpack))
        return False

    def _is_copy(self, one: Candidate, parts: Sequence[Part]) -> bool:
        """Tell whether a file begins as a known one does that was read further: its copy, made before that."""
        further = (part for part in parts if part.head_size and part.offset > one.size and not one.ending)
        return any(self._fits(one, replace(part, offset=0, tail="")) for part in further)


def _copied(one: Candidate, current: Candidate | None) -> bool:
    """Tell whether an older file is a copy, maybe not whole yet, of the log that is there: that is truncated later."""
    if current is None or one.ending or not 0 < one.size <= current.size:
        return False
    length = min(one.size, MARK)
    return all(
        read_at(one.descriptor, at, length) == read_at(current.descriptor, at, length) for at in (0, one.size - length)
    )
