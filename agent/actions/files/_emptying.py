"""The step that removes empty directories: what it would do, and doing it."""

from __future__ import annotations

import os

from msgspec import Struct

from agent.actions.files._account import Fingerprint, Problems
from agent.actions.files._guard import Guard
from agent.actions.files._place import CannotLook, Place, Tally
from agent.host.tree import Directory, Walk, remove_directory
from agent.model.actions import Explain, Judgement, Outcome, Preview
from agent.model.reasons import Reason
from agent.ports import Context
from agent.rules.retention import DELETED


class Emptying(Struct):
    """Removes the directories below one path that are empty, from the deepest up; never the path itself.

    A directory made less than `min_age` nanoseconds ago is kept: whoever made it may be about to use it.
    """

    name: str
    place: Place
    ctx: Context
    guard: Guard
    problems: Problems
    min_age: int

    def preview(self, explain: Explain) -> Preview:
        """Look, and tell which directories would be empty once the files are deleted."""
        mark = Fingerprint()
        tally = Tally()
        removed = 0
        try:
            for walk, directory, entering in self.place.visits(tally):
                if entering:
                    directory.kept += self._staying_files(walk, directory, tally)
                elif directory.parent is not None:
                    path = walk.path(directory)
                    kept = self._kept(walk, directory)
                    if kept is None:
                        removed += 1
                        mark.add(path, os.fstat(directory.fd))
                        explain(Judgement(path, True, Reason.EMPTY_DIRECTORY))
                    else:
                        directory.parent.kept += 1
                        explain(Judgement(path, False, *kept))
        except CannotLook as error:
            return Preview(str(error), {"remove": 0}, "cannot be looked at")
        return Preview(f"remove {removed:,} empty directories", {"remove": removed}, str(mark))

    def _staying_files(self, walk: Walk, directory: Directory, tally: Tally) -> int:
        """Return how many entries that are no directories the step before this one would leave."""
        before = tally.problems
        try:
            judge = self.place.judge(walk, directory)
        except OSError as error:
            tally.unreadable(walk.path(directory), error)
            return 1
        kept = sum(judge(name, about) not in DELETED for name, about in self.place.entries(walk, directory, tally))
        return kept + tally.problems - before

    def _kept(self, walk: Walk, directory: Directory) -> tuple[Reason, str] | None:
        """Return why a directory stays, and details; None if it does not."""
        if directory.kept:
            return Reason.NOT_EMPTY, ""
        assert directory.parent is not None
        if self.place.rule.exclude.within(walk.relative(directory.parent))(directory.name):
            return Reason.EXCLUDED, ""
        if self.min_age:
            born = self.place.kernel.born(directory.fd)
            if born is None:
                return Reason.YOUNG_ENOUGH, "its file system does not tell when it was made"
            if born > self.place.rule.now - self.min_age:
                return Reason.YOUNG_ENOUGH, ""
        return None

    def do(self) -> Outcome:
        """Remove; return how many were removed and kept, by reason. Raises Refused and StopRequested."""
        self.guard.check()
        tally = Tally()
        try:
            for walk, directory, entering in self.place.visits(tally):
                if entering:
                    directory.kept += self._entries(walk, directory, tally)
                elif directory.parent is not None:
                    reason = self._remove(walk, directory, tally)
                    tally.counts[reason] += 1
                    directory.parent.kept += reason is not Reason.EMPTY_DIRECTORY
        except CannotLook:
            pass  # the step that deletes the files has said so
        removed = tally.counts[Reason.EMPTY_DIRECTORY]
        self.ctx.progress(removed, 0, "directories")
        text = self.problems.note(self.name, tally)
        return Outcome({"removed": removed, "problems": tally.problems}, tally.counts, text)

    def _entries(self, walk: Walk, directory: Directory, tally: Tally) -> int:
        try:
            return sum(map(len, directory.batches()))
        except OSError as error:
            tally.unreadable(walk.path(directory), error)
            return 1

    def _remove(self, walk: Walk, directory: Directory, tally: Tally) -> Reason:
        kept = self._kept(walk, directory)
        if kept is not None:
            return kept[0]
        try:
            reason = remove_directory(directory)
        except OSError as error:
            tally.problem(walk.path(directory), str(error.strerror))
            return Reason.UNDELETABLE
        if reason is None:
            assert directory.parent is not None
            name = os.fsencode(directory.name)
            self.ctx.objects.record(walk.path(directory.parent), [name], Reason.EMPTY_DIRECTORY)
        return reason or Reason.EMPTY_DIRECTORY
