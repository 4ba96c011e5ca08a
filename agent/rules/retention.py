"""Decide for each object of a tree whether it is kept or deleted, and why.

An object is described by what stat(2) says of it and by its place; a rule judges it against one instant, so that the
same world always gets the same answer. Objects modified after that instant are kept, and take nobody's place among the
newest: whoever dates a file into the future neither loses it nor pushes others out.

The order of the questions is the order of precedence: what kind of object it is, whether it matches, whether it is
from the future, among the latest of its group, too young; only then whether it is too old, over the count, the size.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from agent.model.reasons import Reason
from agent.rules.newest import KEEP_ALL
from agent.rules.patterns import Patterns, everything, nothing
from agent.rules.ranking import Budgets, Ranking

FORMAT, REGULAR, LINK = 0o170000, stat.S_IFREG, stat.S_IFLNK

DELETED = frozenset({Reason.TOO_OLD, Reason.OVER_COUNT, Reason.OVER_SIZE})

RANKED = frozenset({Reason.TOO_OLD, Reason.WITHIN_LIMITS})
"""Where there are budgets, the answers by age that leave an object's fate to its rank, too."""

FUTURE = 3_600_000_000_000
"""Nanoseconds from which on an object is called dated in the future; below, it was merely made since."""

_DIGITS = re.compile(r"[0-9]+")


class GroupBy(StrEnum):
    """Which objects compete for the same count, size and places among the latest."""

    PATH = "path"
    DIRECTORY = "directory"
    SUFFIX = "suffix"
    SERIES = "series"


class Stat(Protocol):
    """What is read of an `os.stat_result`."""

    @property
    def st_mode(self) -> int:
        """Kind of object and permissions."""

    @property
    def st_mtime_ns(self) -> int:
        """Instant of the last modification, in nanoseconds since the epoch."""

    @property
    def st_size(self) -> int:
        """Size in bytes."""


Judge = Callable[[str, Stat], Reason]
"""Given a name and what is known of it, the reason that decides."""


def suffix_of(name: str) -> str:
    """Given a name, return what follows its last dot, with the dot; "" for none, or when it only starts with one."""
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix if stem else ""


def series_of(name: str) -> str:
    """Given a name, return it with each run of digits replaced by `#`: what dated or numbered copies have in common."""
    return _DIGITS.sub("#", name)


def one_group(_name: str) -> str:
    """Given a name, return the group that all names of a ranking share."""
    return ""


GROUPS: Mapping[GroupBy, Callable[[str], str]] = {
    GroupBy.PATH: one_group,
    GroupBy.DIRECTORY: one_group,
    GroupBy.SUFFIX: suffix_of,
    GroupBy.SERIES: series_of,
}
"""How a name tells its group within a ranking; a ranking is of one path, or of one directory."""


def seed_of(directory: str) -> int:
    """Given a directory's path below the configured one, return where the tie-breaks of its objects start from."""
    return zlib.crc32(os.fsencode(directory) + b"/")


def key_of(mtime_ns: int, name: str, seed: int) -> int:
    """Return the key by which objects are ranked: newer is greater; a digest of the path tells equal times apart."""
    return (mtime_ns << 32) | zlib.crc32(os.fsencode(name), seed)


class Rule(Struct, frozen=True):
    """What may stay. Instants and durations are nanoseconds, sizes bytes; None means that there is no such bound."""

    now: int
    match: Patterns
    exclude: Patterns
    min_age: int
    max_age: int | None
    budgets: Budgets
    group_by: GroupBy
    links: bool

    def judge(self, directory: str, ranking: Ranking | None) -> Judge:
        """Given a directory and, when there are budgets, the settled ranking, return what judges the objects in it."""
        return self._by_age(directory) if ranking is None else self._by_rank(directory, ranking)

    def _by_age(self, directory: str) -> Judge:
        """Return what judges without a ranking."""
        match, exclude = self.match.within(directory), self.exclude.within(directory)
        matches, excluded = None if match is everything else match, None if exclude is nothing else exclude
        links, now, stays, too_old = self.links, self.now, self._stays(), Reason.TOO_OLD
        oldest = self._oldest()

        def judge(name: str, about: Stat) -> Reason:
            mode = about.st_mode & FORMAT
            if mode != REGULAR and (mode != LINK or not links):
                return Reason.SYMBOLIC_LINK if mode == LINK else Reason.NOT_A_REGULAR_FILE
            if matches is not None and not matches(name):
                return Reason.NOT_MATCHED
            if excluded is not None and excluded(name):
                return Reason.EXCLUDED
            modified = about.st_mtime_ns
            if modified < oldest:
                return too_old
            if modified > now:
                return Reason.DATED_IN_THE_FUTURE if modified - now > FUTURE else Reason.YOUNG_ENOUGH
            return stays

        return judge

    def sure(self, directory: str) -> tuple[int, Reason] | None:
        """Given a directory, return an instant before which the answer for every regular file is this reason."""
        if self.max_age is None or self.budgets.any():
            return None
        if self.match.within(directory) is not everything or self.exclude.within(directory) is not nothing:
            return None
        return self._oldest(), Reason.TOO_OLD

    def _oldest(self) -> int:
        """Return the instant before which an object is too old."""
        return KEEP_ALL if self.max_age is None else self.now - max(self.max_age, self.min_age)

    def _stays(self) -> Reason:
        """Return why an object of the right kind and age stays."""
        age_alone = self.max_age is not None and not self.budgets.any()
        return Reason.YOUNG_ENOUGH if age_alone else Reason.WITHIN_LIMITS

    def _by_rank(self, directory: str, ranking: Ranking) -> Judge:
        by_age = self._by_age(directory)
        young = self.now - self.min_age
        group = GROUPS[self.group_by]
        seed = seed_of(directory)

        def judge(name: str, about: Stat) -> Reason:
            reason = by_age(name, about)
            if reason not in RANKED:
                return reason
            key = key_of(about.st_mtime_ns, name, seed)
            cutoffs = ranking.cutoffs(group(name))
            if key >= cutoffs.latest:
                return Reason.AMONG_LATEST
            if about.st_mtime_ns > young:
                return Reason.YOUNG_ENOUGH
            if reason is Reason.TOO_OLD:
                return reason
            if key < cutoffs.count:
                return Reason.OVER_COUNT
            return Reason.OVER_SIZE if key < cutoffs.size else Reason.WITHIN_LIMITS

        return judge

    def rank(self, directory: str, ranking: Ranking) -> Callable[[str, Stat], None]:
        """Given a directory, return what feeds an object in it to a ranking. That raises TooManyGroups."""
        by_age = self._by_age(directory)
        group = GROUPS[self.group_by]
        seed = seed_of(directory)

        def rank(name: str, about: Stat) -> None:
            if by_age(name, about) in RANKED:
                ranking.add(group(name), key_of(about.st_mtime_ns, name, seed), about.st_size)

        return rank
