"""The step that deletes files: what it would do, and doing it."""

from __future__ import annotations

import os

from msgspec import Struct

from agent.actions.files._account import Fingerprint, Problems
from agent.actions.files._guard import Guard
from agent.actions.files._place import CannotLook, Place, Tally
from agent.host.tree import Batch, Directory, Walk, clean
from agent.model.actions import Explain, Judgement, Outcome, Preview
from agent.model.reasons import Reason
from agent.ports import Context
from agent.rules.retention import DELETED


class Deleting(Struct):
    """Deletes what the rule gives up below one path."""

    name: str
    place: Place
    ctx: Context
    guard: Guard
    problems: Problems
    skip_missing: bool

    def preview(self, explain: Explain) -> Preview:
        """Look, and tell of every object whether it would be deleted."""
        mark = Fingerprint()
        tally = Tally()

        def hear(path: bytes, about: os.stat_result, reason: Reason) -> None:
            if reason in DELETED:
                mark.add(path, about)
            explain(Judgement(path, reason in DELETED, reason))

        try:
            selected = self.place.survey(hear, tally)
        except CannotLook as error:
            return Preview(str(error), {"delete": 0, "delete_bytes": 0, "keep": 0}, "cannot be looked at")
        facts = {
            "delete": selected.items,
            "delete_bytes": selected.bytes,
            "keep": tally.kept(),
            **{f"count.{reason}": number for reason, number in sorted(tally.counts.items())},
        }
        unread = f"; {tally.problems:,} objects cannot be looked at" if tally.problems else ""
        return Preview(
            f"delete {selected.items:,} of {selected.seen:,} files ({selected.bytes:,} bytes){unread}", facts, str(mark)
        )

    def do(self) -> Outcome:
        """Delete; return how many objects were deleted and kept, by reason.

        Raises Refused and StopRequested.
        """
        self.guard.check()
        tally = Tally()
        size = 0
        try:
            for walk, directory in self.place.directories(tally):
                self.place.listings.recall(directory)
                try:
                    judge = self.place.judge(walk, directory)
                except OSError as error:
                    tally.unreadable(walk.path(directory), error)
                    continue
                sure = self.place.rule.sure(walk.relative(directory))
                for batch in clean(directory, judge, DELETED, sure):
                    size += batch.bytes
                    self._account(walk, directory, batch, tally)
        except CannotLook as error:
            if not (error.missing and self.skip_missing):
                tally.problem(os.fsencode(self.place.path), error.text)
        deleted = sum(tally.counts[reason] for reason in DELETED)
        self.guard.remember_run(self.place.path, deleted)
        facts = {
            "deleted": deleted,
            "deleted_bytes": size,
            "kept": tally.kept(),
            "directories": tally.directories,
            "problems": tally.problems,
        }
        return Outcome(facts, tally.counts, self.problems.note(self.name, tally))

    def _account(self, walk: Walk, directory: Directory, batch: Batch, tally: Tally) -> None:
        tally.counts.update(batch.kept)
        for problem in batch.problems:
            tally.problem(walk.path(directory, problem.name), problem.text)
        for reason, names in batch.removed.items():
            if names:
                tally.counts[reason] += len(names)
                self.ctx.objects.record(walk.path(directory), os.fsencode("/".join(names)).split(b"/"), reason)
        self.ctx.progress(tally.counts.total(), self.guard.total, "files")
        self.ctx.checkpoint()
