"""What a restore is about: its options, its backup, and what is remembered of it from process to process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct, structs

from agent.actions.backup._loading import databases, has_files, part_of
from agent.actions.backup._places import Stage, stages
from agent.actions.backup._repository import Drivers, repository_of
from agent.actions.backup._selecting import select
from agent.actions.backup._weighing import within
from agent.digests import sha256
from agent.drivers.repository import Repository
from agent.model.backups import Backup, Entry, Listing, Part
from agent.ports import Context

_RECORD = "restore"


class Options(Struct, frozen=True, kw_only=True):
    """The options of `backup.restore`: names and types; defaults and limits are in the schema."""

    repository: Mapping[str, Any]
    task: str
    host: str | None
    backup: str
    paths: Sequence[str]
    databases: Sequence[Mapping[str, Any]]
    tables: Sequence[str]
    to: str | None
    point_in_time: str | None
    safety: bool


class Subject:
    """One restore. What has to be the same when the run is taken up again is remembered."""

    def __init__(self, options: Options, ctx: Context, drivers: Drivers) -> None:
        to = None if options.to is None else options.to.rstrip("/")
        self.options = structs.replace(options, paths=[path.rstrip("/") for path in options.paths], to=to)
        self.ctx = ctx
        self.drivers = drivers
        # The same in a plan, which has no run yet; runs of a task do not overlap.
        self.mark = f"{ctx.now:%Y%m%d%H%M%S}_{sha256(ctx.task.encode()).hexdigest()[:4]}"

    @property
    def about_files(self) -> bool:
        """Whether anything is brought back to a file system."""
        return bool(self.options.paths) or self.options.to is not None

    def repository(self, scratch: str = "") -> Repository:
        """Open the repository, to read backups with a scratch directory, to look without one."""
        return repository_of(self.options.repository, self.ctx, scratch, self.drivers)

    def listing(self, repository: Repository) -> Listing:
        """Return the backups of the host and the task that the restore is about."""
        return repository.listing(self.options.host or self.ctx.host, self.options.task)

    def backup(self, repository: Repository) -> Backup:
        """Return the backup of this run, the same whenever it is taken up again. Raises NotFound."""
        wanted = self.recall().get("backup", self.options.backup)
        return select(self.listing(repository), wanted, self.ctx.ledger, repository.name, self.ctx.now.timestamp())

    def recall(self) -> dict[str, Any]:
        """Return what this run has remembered."""
        found = self.ctx.memory.recall(_RECORD)
        return found if isinstance(found, dict) and found.get("run") == self.ctx.run else {}

    def remember(self, **facts: object) -> None:
        """Remember more, for this run and whoever takes it up again."""
        self.ctx.memory.remember(_RECORD, {"run": self.ctx.run, **self.recall(), **facts})

    def stages(self) -> tuple[Stage, ...]:
        """Return where things are staged: decided once, because a swap may change what it was decided by."""
        known = self.recall().get("stages")
        if known is not None:
            return tuple(Stage(directory, tuple(paths)) for directory, paths in known)
        if self.options.to is not None:
            return (Stage(os.path.join(self.options.to, f".hostkeeper-restore-{self.mark}"), ()),)
        return stages(self.options.paths, self.mark)

    def wants_files(self, backup: Backup) -> bool:
        """Tell whether files are brought back at all; a directory gets all of them unless something else is named."""
        if self.options.paths:
            return True
        everything = self.options.to is not None and not self.options.databases
        return everything and has_files(backup)

    def parts(self, backup: Backup) -> tuple[Part, ...]:
        """Return the databases that are brought back. Raises RunFailed for one that is not in the backup."""
        if self.options.databases:
            return tuple(part_of(backup, one["name"]) for one in self.options.databases)
        everything = self.options.to is not None and not self.options.paths
        return databases(backup) if everything else ()

    def paths(self, stage: Stage) -> tuple[str, ...]:
        """Return the paths that go through a stage; none are all."""
        return stage.paths or tuple(self.options.paths)

    def entries(self, repository: Repository, backup: Backup, stage: Stage) -> Iterator[Entry]:
        """Yield what is brought back through a stage."""
        tops = tuple(map(os.fsencode, self.paths(stage)))
        for entry in repository.entries(backup):
            if not tops or within(entry.path, tops) is not None:
                yield entry
