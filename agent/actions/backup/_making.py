"""The steps of `backup.create` that make a backup and look whether it is whole."""

from __future__ import annotations

from agent.actions.backup._creation import Creation
from agent.actions.backup._freeing import remember_full
from agent.actions.backup._repository import database_of, scratch_of
from agent.actions.backup._series import Series, made_by, series_of, settle_removed, take_up
from agent.actions.backup._verification import verify
from agent.drivers.repository import Repository, Request
from agent.errors import RunFailed
from agent.model.actions import Explain, Fact, Outcome, Preview, Step
from agent.model.backups import Backup

_MAKE, _VERIFY = "back-up", "verify"


def making(creation: Creation) -> Step:
    """Return the step that makes the backup, at most one in a run, and lets the ledger know of it."""

    def preview(_explain: Explain) -> Preview:
        repository = creation.repository()
        try:
            series = series_of(repository, creation.ctx, creation.ctx.task)
        except RunFailed as error:
            return Preview(f"make the first backup, or fail: {error}", {"level": "full"}, "no listing")
        choice = creation.choice(repository, series)
        parent = choice.parent.id if choice.parent else ""
        facts: dict[str, Fact] = {"level": str(choice.level), "parent": parent, "backups": len(series.backups)}
        return Preview(f"make a backup, {choice.level}: {choice.why}", facts, f"{choice.level} {parent}")

    return Step(
        name=_MAKE,
        do=lambda: _make(creation),
        preview=preview,
        irreversible="a backup that was made does no harm; what was half made is swept away",
    )


def _make(creation: Creation) -> Outcome:
    ctx = creation.ctx
    with scratch_of(ctx) as scratch:
        repository = creation.repository(scratch)
        with repository.lock(ctx.host, ctx.task):
            swept = repository.sweep()
            settle_removed(repository, ctx, ctx.task)
            series = series_of(repository, ctx, ctx.task)
            backup = made_by(ctx, series.backups)
            others = [one for one in series.backups if backup is None or one.id != backup.id]
            why = "this run had made it before it was interrupted"
            taken = take_up(Series(tuple(others), series.junk, series.standing, series.vanished), ctx, creation.now)
            if backup is None:
                ctx.checkpoint()
                backup, why = _create(creation, repository, scratch, series)
            ctx.ledger.made(backup)
            creation.remember_sources(backup, series.backups)
    creation.problems.note(_MAKE, [f"{backup.id} is kept and is not good: {flaw}" for flaw in backup.flaws])
    return Outcome(_facts(backup, why, taken, swept, series))


def _create(creation: Creation, repository: Repository, scratch: str, series: Series) -> tuple[Backup, str]:
    """Make a backup of the level that is due; return it, and why it has the level that it has."""
    ctx, sources = creation.ctx, creation.sources
    choice = creation.choice(repository, series)
    began = ctx.now.timestamp()
    request = Request(
        host=ctx.host,
        task=ctx.task,
        level=choice.level,
        parent=choice.parent,
        # One that this run has left unsettled is not the newest beside the one that takes its place.
        now=creation.now if any(one.unsettled and one.began >= began for one in series.backups) else began,
        paths=sources.paths,
        exclude=sources.exclude,
        one_file_system=sources.one_file_system,
        databases=tuple(database_of(one, ctx, scratch, creation.drivers) for one in sources.databases),
    )
    try:
        backup = repository.create(request)
    except RunFailed as error:
        # Programs that were told to stop fail; then it is no failure of theirs.
        ctx.checkpoint()
        remember_full(ctx.memory, error)
        raise
    remember_full(ctx.memory, None)
    other = (
        "" if backup.level is choice.level else f"; the engine made it {backup.level}, for it could not build on that"
    )
    return backup, choice.why + other


def _facts(backup: Backup, why: str, taken: tuple[str, ...], swept: tuple[str, ...], series: Series) -> dict[str, Fact]:
    facts: dict[str, Fact] = {
        "backup": backup.id,
        "level": str(backup.level),
        "why": why,
        "parent": backup.parent,
        "files": backup.files,
        "bytes": backup.bytes,
        "stored_bytes": backup.stored,
        "flaws": len(backup.flaws),
    }
    if not backup.parent:
        del facts["parent"]
    more = {"taken_up": len(taken), "swept": len(swept), "junk": len(series.junk), "vanished": len(series.vanished)}
    return facts | {name: number for name, number in more.items() if number}


def verifying(creation: Creation) -> Step:
    """Return the step that looks whether the backup of this run is what was written."""
    how = "every byte" if creation.deep else "the structure"

    def do() -> Outcome:
        ctx = creation.ctx
        with scratch_of(ctx) as scratch:
            repository = creation.repository(scratch)
            backup = made_by(ctx, repository.listing(ctx.host, ctx.task).backups)
            found = None if backup is None else verify(repository, backup, ctx, deep=creation.deep)
            if backup is None or found is None:
                raise RunFailed("the backup of this run is no longer there: somebody has removed it; run it again")
            read, flaws = found
        creation.problems.note(_VERIFY, [f"{backup.id} is damaged: {flaw}" for flaw in flaws])
        return Outcome({"backup": backup.id, "read_bytes": read, "flaws": len(flaws)})

    return Step(
        name=_VERIFY,
        do=do,
        preview=lambda _explain: Preview(f"verify {how} of it", {"deep": str(creation.deep).lower()}),
        irreversible="it touches nothing",
    )
