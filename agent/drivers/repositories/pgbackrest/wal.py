"""The segments of PostgreSQL's log in a repository: which there are, which follow one another, which are missing.

A segment is named by timeline, and by its position in two parts of 32 bits; the second counts segments
(`XLogFileName` in PostgreSQL's `xlog_internal.h`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from agent.model.backups import Backup

_NAME = re.compile(r"(?:^|/)([0-9A-F]{24})-[0-9a-f]{40}(?:\.\w+)?$")
_LOG = 1 << 32
_SIZES: tuple[int, ...] = tuple(1 << power for power in (24, *range(20, 24), *range(25, 31)))
"""Sizes of a segment that a server may be made with, the usual one first."""


class Stretch(Struct, frozen=True):
    """What a backup needs of the log: the segments `first` to `last` to be whole, those before `until` to go on.

    `until` is where the next backup begins, empty for the end of the log; `beginning` that no backup is older.
    """

    first: str
    last: str
    until: str
    beginning: bool
    per_log: int

    def holds(self, segment: str) -> bool:
        """Return whether a segment belongs to this backup rather than to the one before or after it."""
        if segment[:8] != self.first[:8]:
            return segment[:8] > self.first[:8] and not self.until
        return (self.beginning or segment >= self.first) and (not self.until or segment < self.until)


def segments(names: Iterable[str]) -> set[str]:
    """Given names of files in an archive, return the segments among them."""
    return {match[1] for match in map(_NAME.search, names) if match}


def stretch(backup: Backup, everyone: Iterable[Backup]) -> Stretch:
    """Given a backup and all backups of its stanza, return its part of the log."""
    facts = backup.parts[0].facts
    first = facts["wal_start"]
    same = (one.parts[0].facts for one in everyone)
    starts = sorted(one["wal_start"] for one in same if one["archive"] == facts["archive"])
    later = [start for start in starts if start > first and start[:8] == first[:8]]
    return Stretch(
        first=first,
        last=facts["wal_stop"],
        until=later[0] if later else "",
        beginning=not starts or first <= starts[0],
        per_log=per_log(facts["wal_stop"], facts["lsn_stop"]),
    )


def per_log(segment: str, position: str) -> int:
    """Given a segment and a position in it, return how many segments have the same first part."""
    high, _, low = position.partition("/")
    for size in _SIZES:
        # A position at the very end of a segment is told as the beginning of the next one.
        for at in (int(low, 16), max(0, int(low, 16) - 1)):
            if segment[8:] == f"{int(high, 16):08X}{at // size:08X}":
                return _LOG // size
    return _LOG // _SIZES[0]


def following(segment: str, per: int) -> str:
    """Return the name of the segment after one."""
    log, number = int(segment[8:16], 16), int(segment[16:], 16) + 1
    return f"{segment[:8]}{log + number // per:08X}{number % per:08X}"


def missing(needed: Stretch, there: set[str], *, expires: bool) -> tuple[list[str], list[str]]:
    """Return what is missing of a stretch: to make the backup whole, and to go on from it.

    With `expires`, pgBackRest was told to give up the log of older backups early: a stretch without any of what goes
    on from a backup is no hole then.
    """
    whole, on = [], []
    segment = needed.first
    while segment <= needed.last:
        if segment not in there:
            whole.append(segment)
        segment = following(segment, needed.per_log)
    ours = [one for one in there if one[:8] == needed.first[:8] and needed.last < one]
    beyond = [one for one in ours if not needed.until or one < needed.until]
    end = needed.until if needed.until and (beyond or not expires) else max(beyond, default="")
    while segment < end:
        if segment not in there:
            on.append(segment)
        segment = following(segment, needed.per_log)
    return whole, on
