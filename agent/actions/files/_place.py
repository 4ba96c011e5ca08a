"""One configured path and the rule for it: how they are looked at, in as many passes as the rule needs."""

from __future__ import annotations

import errno
import os
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager

from msgspec import Struct, field

from agent.errors import AgentError, ExitCode
from agent.host.output import visible
from agent.host.tree import Directory, Kernel, Listings, Root, UnsafePath, Walk, open_root
from agent.model.reasons import Reason
from agent.rules.patterns import everything
from agent.rules.ranking import Ranking, TooManyGroups
from agent.rules.retention import DELETED, GroupBy, Judge, Rule
from agent.rules.safeguards import Selection
from agent.rules.system_places import is_system_place

MAX_PASSES = 64
UNSETTLED = "it changes faster than its newest files can be found"
"""What is said of a tree that needs more passes."""

EVERY = 4096
"""Between two checkpoints no more entries are looked at."""

FAILURES = frozenset({Reason.UNREADABLE, Reason.UNDELETABLE})
"""An object that is kept for one of these reasons makes the run fail."""

PROBLEMS_TOLD = 20

Hear = Callable[[bytes, os.stat_result, Reason], None]
"""Told the path of an object, what it was seen as, and what is decided."""


class Tally(Struct):
    """What was met: objects by reason, directories entered, and what could not be dealt with."""

    counts: Counter[Reason] = field(default_factory=Counter)
    directories: int = 0
    problems: int = 0
    told: list[str] = field(default_factory=list)

    def problem(self, path: bytes, text: str) -> None:
        """Note that the object at `path` could not be dealt with, and what the kernel said."""
        self.problems += 1
        if len(self.told) < PROBLEMS_TOLD:
            shown = visible(path.decode(errors="backslashreplace")).replace("\n", "\\n")
            self.told.append(f"{shown}: {text}")

    def unreadable(self, path: bytes, error: OSError) -> None:
        """Note that the object at `path` could not be looked at."""
        self.counts[Reason.UNREADABLE] += 1
        self.problem(path, error.strerror or str(error))

    def kept(self) -> int:
        """Return how many objects were kept."""
        return sum(number for reason, number in self.counts.items() if reason not in DELETED)


class CannotLook(AgentError):
    """What is below a configured path cannot be judged: `text` says why, `missing` that the path does not exist."""

    code = ExitCode.RUN_FAILED

    def __init__(self, path: str, text: str, *, missing: bool = False) -> None:
        self.text = text
        self.missing = missing
        super().__init__(f"{path}: {text}")


class Place(Struct, kw_only=True):
    """A configured path, its rule, and the way through the tree; the ranking is made once and holds for the run.

    `picked` is that patterns say which files the rule is about, and it is not about all.
    """

    path: str
    rule: Rule
    picked: bool
    cross_mounts: bool
    max_depth: int | None
    checkpoint: Callable[[], None]
    kernel: Kernel = field(default_factory=Kernel)
    ranking: Ranking | None = None
    listings: Listings = field(default_factory=Listings)

    @contextmanager
    def walk(self, tally: Tally) -> Iterator[Walk]:
        """Open the path for one walk. Raises CannotLook."""

        def report(path: bytes, reason: Reason, text: str) -> None:
            tally.counts[reason] += 1
            if reason in FAILURES:
                tally.problem(path, text)

        try:
            root = open_root(self.path, self.kernel, directly=True)
        except UnsafePath as error:
            raise CannotLook(self.path, str(error)) from error
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise CannotLook(self.path, error.strerror or str(error), missing=missing) from error
        try:
            self._refuse_system(root)
            yield Walk(root, cross_mounts=self.cross_mounts, max_depth=self.max_depth, report=report)
        finally:
            root.close()

    def _refuse_system(self, root: Root) -> None:
        if not self.picked and is_system_place(os.readlink(f"/proc/self/fd/{root.fd}")):
            raise CannotLook(
                self.path,
                "it is a directory of the system itself: name what to clean below it, or which files with `match`",
            )

    def visits(self, tally: Tally) -> Generator[tuple[Walk, Directory, bool], None, None]:
        """Walk once, and yield each directory when it is entered (True) and when it is left. Raises CannotLook."""
        with self.walk(tally) as walk, closing(walk.__iter__()) as visits:
            for directory, entering in visits:
                if entering:
                    tally.directories += 1
                    self.checkpoint()
                yield walk, directory, entering

    def directories(self, tally: Tally) -> Iterator[tuple[Walk, Directory]]:
        """Walk once, and yield each directory when it is entered. Raises CannotLook."""
        with closing(self.visits(tally)) as visits:
            for walk, directory, entering in visits:
                if entering:
                    yield walk, directory

    def entries(self, walk: Walk, directory: Directory, tally: Tally) -> Iterator[tuple[str, os.stat_result]]:
        """Look at every entry of a directory that is no directory; what cannot be looked at is tallied."""
        try:
            for number, name in enumerate(directory.names(), 1):
                try:
                    about = directory.look(name)
                except FileNotFoundError:
                    tally.counts[Reason.VANISHED] += 1
                    continue
                except OSError as error:
                    tally.unreadable(walk.path(directory, name), error)
                    continue
                yield name, about
                if number % EVERY == 0:
                    self.checkpoint()
        except OSError as error:
            tally.unreadable(walk.path(directory), error)

    def judge(self, walk: Walk, directory: Directory) -> Judge:
        """Given a directory just entered, return what judges its entries.

        Raises OSError when the entries of this directory cannot be ranked, CannotLook when those of the path cannot.
        """
        relative = walk.relative(directory)
        ranking = None
        if self.rule.budgets.any():
            alone = self.rule.group_by is GroupBy.DIRECTORY
            ranking = self._ranked_alone(directory, relative) if alone else self._ranked()
        return self.rule.judge(relative, ranking)

    def _ranked(self) -> Ranking:
        if self.ranking is None:
            ranking = Ranking(self.rule.budgets)
            for _ in range(MAX_PASSES):
                unheard = Tally()
                for walk, directory in self.directories(unheard):
                    rank = self.rule.rank(walk.relative(directory), ranking)
                    try:
                        for name, about in self.entries(walk, directory, unheard):
                            rank(name, about)
                    except TooManyGroups as error:
                        raise CannotLook(self.path, f"{error}; `group_by: directory` has no such bound") from error
                if ranking.settle():
                    break
            else:
                raise CannotLook(self.path, UNSETTLED)
            self.ranking = ranking
        return self.ranking

    def _ranked_alone(self, directory: Directory, relative: str) -> Ranking:
        ranking = Ranking(self.rule.budgets)
        rank = self.rule.rank(relative, ranking)
        for _ in range(MAX_PASSES):
            for name in directory.names():
                try:
                    rank(name, directory.look(name))
                except FileNotFoundError:
                    continue
            self.checkpoint()
            if ranking.settle():
                return ranking
        raise OSError(errno.EBUSY, UNSETTLED)

    def survey(self, hear: Hear | None, tally: Tally) -> Selection:
        """Judge everything and touch nothing; return what is selected. Raises CannotLook."""
        items = size = 0
        for walk, directory in self.directories(tally):
            try:
                judge = self.judge(walk, directory)
            except OSError as error:
                tally.unreadable(walk.path(directory), error)
                continue
            where = walk.path(directory) if hear else b""
            for name, about in self.entries(walk, directory, tally):
                reason = judge(name, about)
                tally.counts[reason] += 1
                if reason in DELETED:
                    items += 1
                    size += about.st_size
                if hear:
                    hear(where + b"/" + os.fsencode(name), about, reason)
        return Selection(items, size, tally.counts.total())

    def may_select(self, most: float) -> float:
        """Return how many entries the rule might select, going by names alone; counting ends beyond `most`.

        What was read is held for the walk that deletes, as far as there is room. Raises CannotLook.
        """
        count = 0
        self.listings = Listings()
        for walk, directory in self.directories(Tally()):
            matches = self.rule.match.within(walk.relative(directory))
            try:
                for batch in self.listings.batches(directory):
                    count += len(batch) if matches is everything else sum(1 for name in batch if matches(name))
            except OSError:
                continue
            if count > most:
                self.listings = Listings()
                break
        return count
