"""Clear out the journal: delete its oldest archived files until it is within bounds, and prove that it is.

journalctl is the engine. It says that all is well also where it deleted nothing, so that the files are looked at before
and after; it deletes whole files, archived ones alone.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from agent.actions.logs import _box
from agent.actions.logs._journals import directories, files_in
from agent.errors import Refused, RunFailed
from agent.host.following.unpacking import command
from agent.host.output import visible
from agent.model.actions import Action, Explain, Judgement, OnInterrupt, Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.ports import Completed, Context
from agent.rules.safeguards import Refusal, Selection, beyond_limits
from agent.rules.vacuuming import JournalFile, given_up

_GONE = "deleted entries cannot be brought back"


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds, sizes bytes."""

    max_size: int | None
    max_age: float | None
    max_files: int | None
    directory: str | None
    rotate: bool
    verify: bool


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield a step that checks the limits, those that begin new files and delete, and a proof."""
    vacuum = Vacuum(options, ctx)
    yield Step(name="check-limits", do=vacuum.check, preview=vacuum.preview_check, irreversible="it touches nothing")
    if options.rotate and options.directory is None:
        yield Step(
            name="rotate",
            do=vacuum.rotate,
            preview=lambda _explain: Preview("have journald archive its files and begin new ones"),
            irreversible="archived files hold the same entries",
        )
    yield Step(name="vacuum", do=vacuum.delete, preview=vacuum.preview_delete, irreversible=_GONE)
    if options.verify:
        yield Step(
            name="verify",
            do=vacuum.verify,
            preview=lambda _explain: Preview("verify the archived files that are left"),
            irreversible="it touches nothing",
        )


class Vacuum(Struct):
    """Looks at the journal and clears it out."""

    options: Options
    ctx: Context

    def _looked(self) -> list[list[JournalFile]]:
        found = [files_in(directory) for directory in directories(self.options.directory)]
        if not any(found):
            where = self.options.directory or "this host"
            raise RunFailed(f"there is no file of a journal of {where}: name the `directory` where it is")
        return found

    def _selected(self, places: list[list[JournalFile]]) -> list[JournalFile]:
        options, now = self.options, self.ctx.now.timestamp()
        return [
            one
            for files in places
            for one in given_up(files, now=now, size=options.max_size, age=options.max_age, count=options.max_files)
        ]

    def _refusal(self, places: list[list[JournalFile]], selected: list[JournalFile]) -> Refusal | None:
        size = sum(one.bytes for one in selected)
        selection = Selection(len(selected), size, sum(map(len, places)))
        return beyond_limits(selection, self.ctx.limits, "files of the journal")

    def check(self) -> Outcome:
        """Raise Refused when more is selected than the limits allow."""
        places = self._looked()
        refusal = self._refusal(places, self._selected(places))
        if refusal is not None:
            raise Refused(*refusal)
        return Outcome()

    def preview_check(self, _explain: Explain) -> Preview:
        """Look, and tell whether the run would be refused."""
        places = self._looked()
        selected = self._selected(places)
        refusal = self._refusal(places, selected)
        facts = {"selected": len(selected), "selected_bytes": sum(one.bytes for one in selected)}
        if refusal is not None:
            return Preview(f"refuse the run: {refusal[1]}", {**facts, "refused": str(refusal[0])}, str(refusal[0]))
        return Preview(f"{len(selected):,} files of the journal are selected, within all limits", facts)

    def preview_delete(self, explain: Explain) -> Preview:
        """Look, and tell of every file whether it would be deleted; what is archived only then is not among them."""
        places = self._looked()
        selected = self._selected(places)
        gone = {one.path for one in selected}
        for one in (one for files in places for one in files):
            explain(Judgement(os.fsencode(one.path), one.path in gone, self._reason(one, gone)))
        size = sum(one.bytes for one in selected)
        facts = {"delete": len(selected), "delete_bytes": size, "keep": sum(map(len, places)) - len(selected)}
        return Preview(f"delete {len(selected):,} archived files ({size:,} bytes)", facts, " ".join(sorted(gone)))

    def _reason(self, one: JournalFile, gone: set[str]) -> Reason:
        if one.path not in gone:
            return Reason.WITHIN_LIMITS
        age = self.options.max_age
        old = age is not None and one.since is not None and one.since < self.ctx.now.timestamp() - age
        return Reason.TOO_OLD if old else Reason.OVER_SIZE if self.options.max_size is not None else Reason.OVER_COUNT

    def _run(self, *arguments: str) -> Completed:
        where = () if self.options.directory is None else (f"--directory={self.options.directory}",)
        argv = ("journalctl", *arguments, *(() if arguments == ("--rotate",) else where))
        completed = self.ctx.processes.run(command(*argv, timeout=math.inf), self.ctx.stopping)
        if completed.stopped:
            self.ctx.checkpoint()
        return completed

    def rotate(self) -> Outcome:
        """Have journald begin new files."""
        completed = self._run("--rotate")
        if completed.code:
            raise RunFailed(f"journald did not begin new files: {_said(completed)}; `rotate: false` leaves that out")
        return Outcome()

    def delete(self) -> Outcome:
        """Delete, and look whether what was to go is gone."""
        options = self.options
        before = {one.path: one for files in self._looked() for one in files}
        # Ages are counted from when the run was planned; journalctl counts them from now.
        gone_by = max(0.0, (self.ctx.clock.now() - self.ctx.now).total_seconds())
        bounds = (
            *(() if options.max_size is None else (f"--vacuum-size={options.max_size}",)),
            *(() if options.max_age is None else (f"--vacuum-time={math.ceil(options.max_age + gone_by)}s",)),
            *(() if options.max_files is None else (f"--vacuum-files={options.max_files}",)),
        )
        completed = self._run(*bounds)
        places = self._looked()
        after = {one.path for files in places for one in files}
        gone = [one for path, one in before.items() if path not in after]
        for one in gone:
            directory, _, name = one.path.rpartition("/")
            self.ctx.objects.record(os.fsencode(directory), [os.fsencode(name)], self._reason(one, {one.path}))
        left = self._selected(places)
        if completed.code or left:
            still = f"; {len(left):,} files are still beyond the bounds, {left[0].path} among them" if left else ""
            raise RunFailed(f"journalctl did not clear out the journal: {_said(completed)}{still}")
        active = sum(one.bytes for files in places for one in files if one.since is None)
        facts = {
            "deleted": len(gone),
            "deleted_bytes": sum(one.bytes for one in gone),
            "left": len(after),
            "left_bytes": sum(one.bytes for files in places for one in files),
            "active_bytes": active,
        }
        return Outcome(facts, Counter(self._reason(one, {one.path}) for one in gone))

    def verify(self) -> Outcome:
        """Have journalctl verify the archived files; those that journald has open may look broken, and are let be."""
        completed = self._run("--verify")
        archived = {one.path for files in self._looked() for one in files if one.since is not None}
        failed = [line for line in completed.output.splitlines() if line.startswith("FAIL: ")]
        broken = [line for line in failed if any(path in line for path in archived)]
        if broken:
            raise RunFailed(
                f"{len(broken):,} archived files of the journal are damaged: {visible('; '.join(broken[:5]))}"
            )
        passed = sum(line.startswith("PASS: ") for line in completed.output.splitlines())
        if archived and not passed and not completed.output_bytes > len(completed.output):
            raise RunFailed(f"journalctl verified none of {len(archived):,} archived files: {_said(completed)}")
        return Outcome({"verified": passed, "not_judged": len(failed)})


def _said(completed: Completed) -> str:
    words = " ".join(completed.output.split())[-300:]
    return visible(words) or f"exit code {completed.code}"


ACTION = Action(
    summary="Clears out the journal by size, age and number of files",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.vacuum,
)
