"""Bring files back, and copies of databases into a directory: the steps of a restore that are about a file system."""

from __future__ import annotations

import os

from agent.actions.backup._comparing import compare
from agent.actions.backup._exporting import export
from agent.actions.backup._outlook import facts, look, summary
from agent.actions.backup._places import (
    Stage,
    is_swapped,
    pairs,
    pairs_into,
    prepare,
    seal,
    sealed,
    settle,
    swap,
    swap_back,
)
from agent.actions.backup._repository import scratch_of
from agent.actions.backup._subject import Subject
from agent.drivers.repository import Repository, Selection
from agent.errors import AgentError, RunFailed
from agent.host.scratch import remove_whole
from agent.model.actions import Fact, Outcome, Preview
from agent.model.backups import Backup


class Bringing:
    """The files of one restore, step by step."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._options = subject.options
        self._ctx = subject.ctx

    def check(self) -> Outcome:
        """Look at everything that could go wrong, and settle what the run is about. Raises RunFailed and Refused."""
        outlook = look(self._subject)
        directories = [(stage.directory, stage.paths) for stage in outlook.stages]
        made = self._options.to is not None and not os.path.lexists(self._options.to)
        self._subject.remember(backup=outlook.backup.id, stages=directories, made=made)
        return Outcome(facts(outlook))

    def preview(self) -> Preview:
        """Say what would be brought back and what it would replace."""
        try:
            outlook = look(self._subject)
        except AgentError as error:
            return Preview(f"fail: {error}", fingerprint=str(error))
        return Preview(
            summary(self._subject, outlook), facts(outlook), f"{outlook.backup.id} {outlook.databases} {outlook.stages}"
        )

    def say_stage(self) -> str:
        """Say where things are brought back to first."""
        where = ", ".join(stage.directory for stage in self._subject.stages())
        return f"bring back to {where} and compare everything there"

    def stage(self) -> Outcome:
        """Bring back beside the live places, and compare. Raises RunFailed and StopRequested."""
        facts: dict[str, Fact] = {"restored": 0, "restored_bytes": 0, "compared": 0}
        with scratch_of(self._ctx) as scratch:
            repository = self._subject.repository(scratch)
            backup = self._subject.backup(repository)
            for stage in self._subject.stages():
                if self._options.to is not None and self._subject.recall().get("made"):
                    os.makedirs(self._options.to, mode=0o700, exist_ok=True)
                prepare(stage)
                self._bring(repository, backup, stage, facts)
        return Outcome(facts)

    def _bring(self, repository: Repository, backup: Backup, stage: Stage, facts: dict[str, Fact]) -> None:
        paths = self._subject.paths(stage)
        if self._subject.wants_files(backup):
            restored = repository.restore(backup, Selection(tuple(map(os.fsencode, paths))), stage.new)
            compared = compare(
                stage.new, self._subject.entries(repository, backup, stage), self._ctx, total=restored.bytes
            )
            if compared.different:
                raise RunFailed("what was brought back is not what was backed up:\n" + "\n".join(compared.sentences()))
            found = {"restored": restored.items, "restored_bytes": restored.bytes, "compared": compared.files}
            facts.update({name: int(facts[name]) + number for name, number in found.items()})
        if self._options.to is None:
            seal(stage, pairs(stage))
            return
        for part in self._subject.parts(backup):
            export(self._ctx, repository, backup, part, stage.new)
        seal(stage, pairs_into(stage, self._options.to))

    def unstage(self) -> None:
        """Remove what was brought back."""
        for stage in self._subject.stages():
            remove_whole(stage.directory)
        if self._options.to is not None and self._subject.recall().get("made") and os.path.isdir(self._options.to):
            remove_whole(self._options.to)

    def say_swap(self) -> str:
        """Say what changes places, and what becomes of what is there now."""
        if self._options.to is not None:
            return f"put it into {self._options.to}"
        kept = [stage.replaced for stage in self._subject.stages()] if self._options.safety else []
        after = f"is kept in {', '.join(kept)}" if kept else "is removed when all is verified"
        return f"let it change places with {', '.join(self._options.paths)}; what is there now {after}"

    def swap(self) -> Outcome:
        """Put what was brought back in its place."""
        # Of a swap that is gone on with, the beginning: others may have changed things since.
        self._subject.remember(swapped=self._subject.recall().get("swapped", self._ctx.clock.now().timestamp()))
        for stage in self._subject.stages():
            swap(sealed(stage))
        return Outcome({"swapped": sum(len(sealed(stage)) for stage in self._subject.stages())})

    def unswap(self) -> None:
        """Put what was there before back. Raises RunFailed once that is not kept any more."""
        if self._subject.recall().get("settled"):
            raise RunFailed("the restore was complete, and what it replaced is settled: look at what is there")
        for stage in self._subject.stages():
            swap_back(sealed(stage))

    def wrong(self) -> list[str]:
        """Return a sentence for everything that is live now and not as in the backup."""
        if not self._subject.about_files:
            return []
        since = self._subject.recall().get("swapped")
        sentences = []
        with scratch_of(self._ctx) as scratch:
            repository = self._subject.repository(scratch)
            backup = self._subject.backup(repository)
            for stage in self._subject.stages():
                sentences += [f"{path} is not what was brought back" for path in is_swapped(sealed(stage))]
                if self._subject.wants_files(backup):
                    entries = self._subject.entries(repository, backup, stage)
                    root = self._options.to or "/"
                    compared = compare(root, entries, self._ctx, changed_since=since)
                    self._subject.remember(verified=compared.files, since=compared.since)
                    sentences += compared.sentences()
        return sentences

    def verified(self) -> dict[str, Fact]:
        """Return what the last look found: files compared, and objects that others have changed since."""
        found = self._subject.recall()
        return {"compared": int(found.get("verified", 0)), "changed_since": int(found.get("since", 0))}

    def say_clean(self) -> Preview:
        """Say what becomes of what was replaced."""
        if self._options.to is not None:
            return Preview("remove what the run needed for itself")
        if self._options.safety:
            return Preview("keep what was replaced, and say where")
        return Preview("remove what was replaced")

    def clean(self) -> dict[str, Fact]:
        """Keep or remove what was replaced; what cannot be removed is told and does no harm."""
        if not self._subject.about_files:
            return {}
        self._subject.remember(settled=True)
        kept, left = [], []
        for stage in self._subject.stages():
            try:
                kept.append(settle(stage, keep=self._options.safety))
            except (RunFailed, OSError) as error:
                left.append(str(error))
        facts: dict[str, Fact] = {"kept": " ".join(filter(None, kept))}
        return {**facts, "left": "; ".join(left)} if left else facts
