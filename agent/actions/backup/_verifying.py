"""The steps of `backup.verify`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.actions.backup._problems import Problems
from agent.actions.backup._repository import Drivers, repository_of, scratch_of
from agent.actions.backup._series import series_of
from agent.actions.backup._verification import record, verify
from agent.drivers.repository import ReadOnly, Repository
from agent.errors import Refused, RunFailed
from agent.model.actions import Explain, Outcome, Preview, Step
from agent.model.backups import Backup, Listing
from agent.ports import Context
from agent.readable import ago, size
from agent.rules.chains import BrokenChain, chain
from agent.rules.quantities import format_duration
from agent.rules.reading import Budget, due, replenished

_BUDGET, _PROGRESS = "budget", "structure"
_MORE, _MUCH = 2, 1 << 20
"""More than so many times what a backup takes, and bytes, is not of that backup alone."""

_RECORDS = "it reads, and records what it finds"


class Verifying(Struct, frozen=True):
    """What both steps work on; `tasks` None are all of this host.

    What this host made and is not listed any more fails the run, unless it is to be forgotten.
    """

    ctx: Context
    definition: Mapping[str, Any]
    drivers: Drivers
    problems: Problems
    tasks: Sequence[str] | None
    forget_vanished: bool

    def repository(self, scratch: str = "") -> Repository:
        """Return the driver of the repository; without a directory of scratch, only to look."""
        return repository_of(self.definition, self.ctx, scratch, self.drivers)

    def listing(self, repository: Repository) -> Listing:
        """Return the backups to verify, oldest first. Raises RunFailed when there are none: that proves nothing."""
        listing = repository.listing(self.ctx.host)
        wanted = tuple(one for one in listing.backups if self.tasks is None or one.task in self.tasks)
        if not wanted:
            whose = "" if self.tasks is None else f" of {', '.join(self.tasks)}"
            raise RunFailed(f"{repository.name} has no backups{whose} of {self.ctx.host}: there is nothing to verify")
        return Listing(wanted, listing.junk)


class Structure(Struct, frozen=True):
    """Looks whether everything is there: every backup, all that it builds on, and what each consists of."""

    verifying: Verifying

    def step(self) -> Step:
        """Return the step."""
        return Step(name="structure", do=self.do, preview=self.preview, irreversible=_RECORDS)

    def preview(self, _explain: Explain) -> Preview:
        """Say how many backups there are."""
        repository = self.verifying.repository()
        listing = self.verifying.listing(repository)
        facts = {"backups": len(listing.backups), "junk": len(listing.junk)}
        return Preview(f"verify the structure of {len(listing.backups)} backups in {repository.name}", facts)

    def do(self) -> Outcome:
        """Verify all; what is wrong fails the run at its end. Raises ListingFailed, RunFailed and StopRequested."""
        ctx = self.verifying.ctx
        with scratch_of(ctx) as scratch:
            repository = self.verifying.repository(scratch)
            listing = self.verifying.listing(repository)
            done = self._done()
            for number, backup in enumerate(listing.backups):
                ctx.progress(number, len(listing.backups), "backups")
                if backup.id not in done:
                    ctx.checkpoint()
                    done[backup.id] = self._verify(repository, listing, backup)
                    ctx.memory.remember(_PROGRESS, {"run": ctx.run, "done": done})
            vanished = self._vanished(repository, listing)
        wrong = [f"{backup} is damaged: {flaw}" for backup, flaw in done.items() if flaw]
        self.verifying.problems.note("structure", [*wrong, *vanished])
        facts = {"backups": len(done), "damaged": len(wrong), "vanished": len(vanished), "junk": len(listing.junk)}
        return Outcome(facts, output="\n".join(f"no backup: {one.name}: {one.why}" for one in listing.junk))

    def _done(self) -> dict[str, str]:
        """Return what this run has found of each backup before it was interrupted."""
        noted = self.verifying.ctx.memory.recall(_PROGRESS)
        return dict(noted["done"]) if isinstance(noted, dict) and noted["run"] == self.verifying.ctx.run else {}

    def _verify(self, repository: Repository, listing: Listing, backup: Backup) -> str:
        """Return what is wrong with a backup, or ""."""
        ctx = self.verifying.ctx
        broken = _broken(listing, backup)
        if broken:
            record(repository, backup, ctx, deep=False, read=0, flaws=(broken,))
            return broken
        found = verify(repository, backup, ctx, deep=False)
        return "" if found is None else "; ".join(found[1])

    def _vanished(self, repository: Repository, listing: Listing) -> list[str]:
        """Name the backups that this host made and that are not listed; not of a task that is at work just now."""
        ctx, tasks = self.verifying.ctx, self.verifying.tasks
        told = []
        known = ctx.ledger.tasks(repository.name) if tasks is None else tasks
        for task in sorted({one.task for one in listing.backups}.union(known)):
            try:
                with _unchanging(repository, ctx.host, task):
                    gone = series_of(repository, ctx, task).vanished
                    if self.verifying.forget_vanished:
                        ctx.ledger.removed(repository.name, [one.id for one in gone])
                        continue
            except Refused:
                continue
            told += [
                f"{one.id}, which {task} made, is not there any more: if it was removed by hand, set "
                "`vanished: forget` for one run"
                for one in gone
            ]
        return told


@contextlib.contextmanager
def _unchanging(repository: Repository, host: str, task: str) -> Iterator[None]:
    """Keep what removes backups away; from one that may only be read here, nobody here does. Raises Refused."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(ReadOnly):
            stack.enter_context(repository.lock(host, task))
        yield


def _broken(listing: Listing, backup: Backup) -> str:
    """Say why a backup has not all that it builds on, or ""."""
    try:
        chain(listing, backup.id)
    except BrokenChain as error:
        return str(error)
    return ""


def _restorable(backups: Sequence[Backup]) -> list[Backup]:
    """Return those with all that they build on; to read the others says nothing of what is not there."""
    listing = Listing(tuple(backups))
    return [one for one in backups if not _broken(listing, one)]


class Deep(Struct, frozen=True):
    """Reads every byte of the backups that were not read for longest; all of them within `every` seconds."""

    verifying: Verifying
    every: float

    def step(self) -> Step:
        """Return the step."""
        return Step(name="deep", do=self.do, preview=self.preview, irreversible=_RECORDS)

    def preview(self, _explain: Explain) -> Preview:
        """Say which backups would be read."""
        repository = self.verifying.repository()
        backups = self.verifying.listing(repository).backups
        chosen = self._due(repository, backups, self._budget(repository, backups).credit)
        facts = {one.id: size(one.stored) for one in chosen}
        total = size(sum(one.stored for one in chosen))
        return Preview(f"read {len(chosen)} of {len(backups)} backups ({total}); all within {self._often}", facts)

    @property
    def _often(self) -> str:
        return format_duration(round(self.every))

    def do(self) -> Outcome:
        """Read until the budget is used up. Raises ListingFailed, RunFailed and StopRequested."""
        ctx = self.verifying.ctx
        with scratch_of(ctx) as scratch:
            repository = self.verifying.repository(scratch)
            backups = self.verifying.listing(repository).backups
            count, read = self._read(repository, backups)
            oldest = self._oldest(repository, backups)
            wrong = self._wrong(repository, backups)
        self.verifying.problems.note("deep", wrong)
        return Outcome({"backups": count, "read_bytes": read, "damaged": len(wrong), "least_recently_read": oldest})

    def _read(self, repository: Repository, backups: Sequence[Backup]) -> tuple[int, int]:
        """Read what is due; return how many backups and bytes."""
        ctx = self.verifying.ctx
        budget = self._budget(repository, backups)
        chosen = self._due(repository, backups, budget.credit)
        whole = sum(one.stored for one in backups)
        count = total = 0
        self._remember(repository, budget)
        while count < len(chosen):
            ctx.progress(count, len(chosen), "backups")
            ctx.checkpoint()
            backup = chosen[count]
            found = verify(repository, backup, ctx, deep=True)
            read = 0 if found is None else found[0]
            # No debt is larger than what is replenished while everything is read once, whoever else's was read as well.
            budget = Budget(max(budget.credit - max(backup.stored, read, 1), -float(whole)), budget.at)
            self._remember(repository, budget)
            if read > _MORE * backup.stored + _MUCH:
                # An engine that reads a whole repository for one backup knows of the others as well.
                chosen += [one for one in _restorable(backups) if one not in chosen]
            count, total = count + 1, total + read
        return count, total

    def _budget(self, repository: Repository, backups: Sequence[Backup]) -> Budget:
        noted = self.verifying.ctx.memory.recall(f"{_BUDGET}:{repository.name}")
        before = Budget(**noted) if isinstance(noted, dict) else None
        total = sum(one.stored for one in backups)
        return replenished(before, total, self.every, self.verifying.ctx.now.timestamp())

    def _remember(self, repository: Repository, budget: Budget) -> None:
        value = {"credit": budget.credit, "at": budget.at}
        self.verifying.ctx.memory.remember(f"{_BUDGET}:{repository.name}", value)

    def _read_at(self, repository: Repository) -> dict[str, float]:
        found = self.verifying.ctx.ledger.verifications(repository.name)
        return {backup: one.at for backup, one in found.items() if one.deep}

    def _due(self, repository: Repository, backups: Sequence[Backup], credit: float) -> list[Backup]:
        now = self.verifying.ctx.clock.now().timestamp()
        return due(_restorable(backups), self._read_at(repository), credit, self.every, now)

    def _oldest(self, repository: Repository, backups: Sequence[Backup]) -> str:
        read = self._read_at(repository)
        instants = [read.get(one.id) for one in backups]
        if None in instants:
            return "never"
        return ago(min(filter(None, instants)), self.verifying.ctx.clock.now().timestamp())

    def _wrong(self, repository: Repository, backups: Sequence[Backup]) -> list[str]:
        """Name what this run has found by reading, also before it was interrupted."""
        began = self.verifying.ctx.now.timestamp()
        listed = {one.id for one in backups}
        return [
            f"{backup} is damaged: {flaw}"
            for backup, one in self.verifying.ctx.ledger.verifications(repository.name).items()
            if one.deep and one.at >= began and backup in listed
            for flaw in one.flaws
        ]
