"""Prove a backup: restore it into a scratch place and hold it against what was backed up.

The databases of the backup need not be there: the engine and what it takes to load a copy come from the backup itself.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from msgspec import Struct, field

from agent.actions.backup import _box
from agent.actions.backup._assertions import Assertion, answered, asked_of, met, require_sense
from agent.actions.backup._comparing import compare, others
from agent.actions.backup._loading import databases, has_files, load, miscounted
from agent.actions.backup._repository import REAL, Drivers, database_of, repository_of, scratch_of
from agent.actions.backup._room import require_room
from agent.actions.backup._selecting import made_here, reliable, select
from agent.actions.backup._verification import record, verify
from agent.drivers.databases import definition_of
from agent.drivers.physical import Physical
from agent.drivers.repository import Damaged, Repository, Restored, Selection
from agent.errors import NotFound, RunFailed
from agent.host.tree import Kernel, open_root
from agent.model.actions import Action, Fact, OnInterrupt, Outcome, Preview, Step
from agent.model.backups import Backup, Listing, Part, Proof
from agent.ports import Context
from agent.readable import duration, size
from agent.rules.chains import chain

_CHOSEN = "drilled"
_NOTHING_LIVE = "it touches nothing live, and removes what it restored"
_ROWS_TAKE = 2
"""A loaded database takes about so many times the bytes of its copy: tables have room, indexes are built."""

NEWEST, RANDOM = "newest", "random"

Result = TypeVar("Result")


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds, sizes bytes.

    `choose` is also the id of a backup, or its beginning, where a person asks for it.
    """

    repository: Mapping[str, Any]
    task: str
    choose: str
    where: str | None
    assertions: Sequence[Mapping[str, Any]]


class Findings(Struct):
    """What a drill found: what was compared, how long the restoring itself took, and every difference."""

    files: int = 0
    rows: int = 0
    tables: int = 0
    assertions: int = 0
    bytes: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield the step that chooses a backup and the one that drills it."""
    yield from planned(options, ctx, REAL)


def planned(options: Options, ctx: Context, drivers: Drivers) -> Iterator[Step]:
    """As `plan`, with drivers to work with."""
    require_sense(options.assertions)
    drill = Drill(options, ctx, drivers)
    yield Step(name="choose", do=drill.choose, preview=drill.preview_choice, irreversible="it touches nothing")
    yield Step(name="restore", do=drill.do, preview=drill.preview, irreversible=_NOTHING_LIVE)


class Drill(Struct):
    """One drill of one backup."""

    options: Options
    ctx: Context
    drivers: Drivers

    def _good(self, repository: Repository, listing: Listing) -> tuple[Backup, ...]:
        """Return the backups to choose from: the one that a person has named, damaged or not, else all good ones."""
        if self.options.choose not in (NEWEST, RANDOM):
            named = select(listing, self.options.choose, self.ctx.ledger, repository.name, self.ctx.now.timestamp())
            if named.flaws:
                raise RunFailed(f"{named.id} is not whole, which no drill changes: {named.flaws[0]}")
            return (named,)
        good = reliable(listing, self.ctx.ledger, repository.name, self.ctx.now.timestamp())
        if not good:
            there = f"{len(listing.backups)} with flaws" if listing.backups else "none"
            raise NotFound(
                f"{repository.name} has no good backup of {self.options.task} on {self.ctx.host} ({there}): "
                f"run {self.options.task} first"
            )
        # What somebody else put there is not to become proven where there is something of ours.
        made = made_here(listing, self.ctx.ledger, repository.name)
        return tuple(one for one in good if one.id in made) or good

    def _listing(self, repository: Repository) -> Listing:
        return repository.listing(self.ctx.host, self.options.task)

    def _chosen(self, good: Sequence[Backup]) -> Backup:
        """Return the backup of this run, the same whenever the run is taken up again."""
        remembered = self.ctx.memory.recall(_CHOSEN)
        if isinstance(remembered, list) and remembered[0] == self.ctx.run:
            for one in good:
                if one.id == remembered[1]:
                    return one
            raise RunFailed(f"backup {remembered[1]}, which this run began to drill, is gone: run the drill again")
        if self.options.choose == RANDOM:
            return random.Random(f"{self.ctx.host}/{self.ctx.task}/{self.ctx.run}").choice(good)  # noqa: S311
        return good[-1]

    def preview_choice(self, _explain: object) -> Preview:
        """Say which backup would be drilled."""
        repository = repository_of(self.options.repository, self.ctx, drivers=self.drivers)
        good = self._good(repository, self._listing(repository))
        if self.options.choose == RANDOM:
            return Preview(
                f"choose one of {len(good):,} good backups of {self.options.task}", {"candidates": len(good)}
            )
        backup = self._chosen(good)
        what = "the newest good backup" if self.options.choose == NEWEST else "a backup"
        return Preview(f"drill {backup.id}, {what} of {self.options.task}", {"backup": backup.id})

    def choose(self) -> Outcome:
        """Choose a backup for this run, and remember it."""
        repository = repository_of(self.options.repository, self.ctx, drivers=self.drivers)
        listing = self._listing(repository)
        good = self._good(repository, listing)
        backup = self._chosen(good)
        self.ctx.memory.remember(_CHOSEN, [self.ctx.run, backup.id])
        newest = (good[-1].began, good[-1].id)
        passed = sum((one.began, one.id) > newest for one in listing.backups)
        return Outcome({"backup": backup.id, "level": str(backup.level), "newer_not_good": passed})

    def preview(self, _explain: object) -> Preview:
        """Say what would be restored where."""
        where = self.options.where or "a directory of the agent's own"
        return Preview(f"restore it below {where}, compare everything, hold {len(self.options.assertions)} assertions")

    def do(self) -> Outcome:
        """Restore, compare and record the proof. Raises RunFailed, naming all that differs, and StopRequested."""
        if self.options.where is not None:
            open_root(self.options.where, Kernel()).close()
        with scratch_of(self.ctx, self.options.where) as scratch:
            repository = repository_of(self.options.repository, self.ctx, scratch, self.drivers)
            listing = self._listing(repository)
            backup = self._chosen(self._good(repository, listing))
            builds_on = chain(listing, backup.id)
            found = Findings()
            try:
                self._brought(repository, backup, scratch, found)
            except Damaged as error:
                self._require_there(repository, builds_on)
                self._remember(repository, builds_on, str(error))
                raise
        if found.wrong:
            raise RunFailed(f"backup {backup.id} is not proven:\n" + "\n".join(found.wrong))
        return self._proved(backup, builds_on, found)

    def _require_there(self, repository: Repository, builds_on: Sequence[Backup]) -> None:
        """Raise RunFailed where a chain has lost a link since the drill began: that is no damage of what is left."""
        there = {one.id for one in self._listing(repository).backups}
        if gone := [one.id for one in builds_on if one.id not in there]:
            raise RunFailed(
                f"backup {gone[0]} was removed while it was drilled, which proves nothing: run the drill again, and if "
                "that is no help, have `keep` keep more, or drill at another hour"
            )

    def _remember(self, repository: Repository, builds_on: Sequence[Backup], flaw: str) -> None:
        """Let the ledger know which backups of a chain are damaged: the last one, unless it is another.

        Nothing is built on them until a look at every byte finds them whole.
        """
        record(repository, builds_on[-1], self.ctx, deep=False, read=0, flaws=(flaw,))
        with suppress(RunFailed):
            found = [verify(repository, link, self.ctx, deep=True) for link in builds_on]
            if not any(flaws for _, flaws in filter(None, found)):
                record(repository, builds_on[-1], self.ctx, deep=False, read=0, flaws=(flaw,))

    def _brought(self, repository: Repository, backup: Backup, scratch: str, found: Findings) -> None:
        """Restore and compare all that is in a backup. Raises Damaged, RunFailed, StopRequested."""
        if isinstance(repository, Physical):
            self._server(repository, backup, found)
            return
        self._files(repository, backup, scratch, found)
        for part in databases(backup):
            self._database(repository, backup, part, scratch, found)
        self._unasked(backup, found)

    def _files(self, repository: Repository, backup: Backup, scratch: str, found: Findings) -> None:
        """Restore the files, compare them, and hold the assertions about them."""
        root = os.path.join(scratch, "restored")
        os.mkdir(root, 0o700)
        need = sum(entry.size for entry in repository.entries(backup) if entry.kind == "file")
        need += _ROWS_TAKE * max((part.bytes for part in databases(backup)), default=0)
        require_room(scratch, need)
        restored = Restored(0, 0, 0)
        if has_files(backup):
            seconds, restored = self._timed(lambda: repository.restore(backup, Selection(), root))
            found.seconds += seconds
        compared = compare(root, repository.entries(backup), self.ctx, total=restored.bytes)
        found.files += max(restored.compared, compared.files)
        found.bytes += restored.bytes
        found.wrong += compared.sentences()
        if (there := others(root)) != compared.others:
            found.wrong.append(f"{there:,} files were restored, and {compared.others:,} are in the backup")
        about_files = [one for one in self.options.assertions if one["sql"] is None]
        found.assertions += len(about_files)
        found.wrong += met(self.ctx, root, about_files)

    def _database(self, repository: Repository, backup: Backup, part: Part, scratch: str, found: Findings) -> None:
        """Load one database into a server of its own, count its rows, and ask it."""
        database = database_of(definition_of(part), self.ctx, scratch, self.drivers)
        asked: Sequence[Assertion] = asked_of(self.options.assertions).get(part.name, [])
        with database.scratch(part.facts) as target:
            seconds, _ = self._timed(lambda: load(self.ctx, repository, backup, part, target))
            counts = target.counts()
            found.seconds += seconds
            found.bytes += part.bytes
            found.tables += len(counts)
            found.rows += sum(counts.values())
            found.wrong += miscounted(part, counts)
            found.assertions += len(asked)
            found.wrong += answered(target.query, asked)

    def _server(self, repository: Physical, backup: Backup, found: Findings) -> None:
        """Bring a whole server back, read every row of it, and ask it."""
        began = self.ctx.clock.monotonic()
        with repository.recovered(backup, None) as server:
            found.seconds = self.ctx.clock.monotonic() - began
            found.bytes, found.files = server.bytes, server.files
            counts = server.counts()
            found.tables, found.rows = len(counts), sum(counts.values())
            for one in self.options.assertions:
                found.assertions += 1
                if one["sql"] is None:
                    found.wrong.append("a backup of a whole server has no files to look at: ask its databases alone")
                else:
                    found.wrong += answered(partial(server.query, database=one["database"]), [one])

    def _unasked(self, backup: Backup, found: Findings) -> None:
        """An assertion about a database that is not in the backup does not hold."""
        there = {part.name for part in databases(backup)}
        for name in sorted(asked_of(self.options.assertions).keys() - there):
            found.wrong.append(f"the backup has no database {name}, which an assertion asks")

    def _timed(self, act: Callable[[], Result]) -> tuple[float, Result]:
        began = self.ctx.clock.monotonic()
        result = act()
        return self.ctx.clock.monotonic() - began, result

    def _proved(self, backup: Backup, builds_on: Sequence[Backup], found: Findings) -> Outcome:
        checks = {
            "files": found.files,
            "tables": found.tables,
            "rows": found.rows,
            "assertions": found.assertions,
        }
        self.ctx.ledger.proved(
            Proof(
                repository=backup.repository,
                task=backup.task,
                backup=backup.id,
                at=self.ctx.clock.now().timestamp(),
                seconds=found.seconds,
                bytes=found.bytes,
                checks=checks,
            )
        )
        said = f"{backup.id} is proven: {size(found.bytes)} restored in {duration(found.seconds)}"
        facts: dict[str, Fact] = {
            "backup": backup.id,
            "chain": len(builds_on),
            "bytes": found.bytes,
            "seconds": found.seconds,
            **checks,
        }
        return Outcome(facts, output=said)


ACTION = Action(
    summary="Proves a backup by restoring it into a scratch place",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.drill,
)
