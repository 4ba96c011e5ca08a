"""The step of `backup.create` that removes what `keep` no longer wants."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext

from msgspec import Struct, structs

from agent.actions.backup._creation import Creation
from agent.actions.backup._refusing import doomed_of, history_of, refusal_of, remember_removed
from agent.actions.backup._repository import scratch_of
from agent.actions.backup._series import Series, about_to_remove, series_of, settle_removed
from agent.digests import blake2b
from agent.drivers.repository import Repository
from agent.errors import RunFailed
from agent.model.actions import Explain, Fact, Judgement, Outcome, Preview, Step
from agent.model.backups import Backup
from agent.model.reasons import Reason
from agent.readable import size
from agent.rules.buckets import Keep
from agent.rules.keep import Decision, Standing, decide, newcomers
from agent.rules.safeguards import Refusal

_STEP = "prune"
_NEW = "(new)"


class Pruning(Struct, frozen=True):
    """Removes the backups of a series that no rule keeps; `early` those alone that none keeps without the next one."""

    creation: Creation
    keep: Keep
    early: bool = False

    def step(self) -> Step:
        """Return the step."""
        return Step(
            name=_STEP, do=self.do, preview=self.preview, irreversible="backups that are removed cannot be brought back"
        )

    def preview(self, explain: Explain) -> Preview:
        """Say of each backup whether it would be kept once the next one is made, and why."""
        creation = self.creation
        repository = creation.repository()
        try:
            series = series_of(repository, creation.ctx, creation.ctx.task)
        except RunFailed as error:
            return Preview(f"remove nothing: {error}", {"remove": 0}, "no listing")
        series = self._to_come(series, self._coming(repository, series))
        decisions, refusal = self._decide(series)
        for decision in decisions:
            explain(_judgement(repository.name, decision))
        doomed = doomed_of(decisions)
        facts = _facts(decisions)
        if refusal is not None:
            return Preview(f"remove nothing: {refusal[1]}", {**facts, "refused": str(refusal[0])}, str(refusal[0]))
        mark = blake2b("\n".join(one.id for one in doomed).encode(), digest_size=16).hexdigest()
        stored = size(sum(one.stored for one in doomed))
        return Preview(f"remove {len(doomed)} of {len(decisions)} backups ({stored})", facts, mark)

    def do(self) -> Outcome:
        """Remove what is not kept; a refusal fails the run at its end. Raises ListingFailed, Refused and RunFailed."""
        outcome, refusal = self.prune()
        self.creation.problems.note(
            _STEP, [f"no backup was removed: {refusal[1]}"] if refusal else [], refusal and refusal[0]
        )
        return outcome

    def prune(self) -> tuple[Outcome, Refusal | None]:
        """Remove what is not kept; return what was done, and why nothing was removed, if so. Raises as `do`."""
        creation, ctx = self.creation, self.creation.ctx
        # A full disk may be that of the scratch as well.
        with nullcontext("") if creation.directory() else scratch_of(ctx) as scratch:
            repository = creation.repository(scratch)
            with repository.lock(ctx.host, ctx.task):
                settle_removed(repository, ctx, ctx.task)
                series = series_of(repository, ctx, ctx.task)
                if not creation.heed_vanished and series.vanished:
                    ctx.ledger.removed(repository.name, [one.id for one in series.vanished])
                decisions, refusal = self.decide(repository, series)
                freed = 0
                if refusal is None:
                    freed = self._remove(repository, doomed_of(decisions))
        for decision in decisions:
            ctx.explain(_judgement(repository.name, decision))
        facts: dict[str, Fact] = {"freed_bytes": freed}
        if refusal:
            facts["refused"] = str(refusal[0])
        if proven := _proven(decisions, series.standing):
            facts["newest_proven"] = proven
        told = "\n".join(_told(decision) for decision in decisions)
        return Outcome(facts, Counter(one.reason for one in decisions), told), refusal

    def decide(self, repository: Repository, series: Series) -> tuple[tuple[Decision, ...], Refusal | None]:
        """Return what becomes of each backup, and why nothing may be removed, if so: limits are those of a run."""
        decisions, refusal = self._decide(series)
        if self.early:
            _, refusal = self._decide(self._to_come(series, self._coming(repository, series)))
        return decisions, refusal

    def _decide(self, series: Series) -> tuple[tuple[Decision, ...], Refusal | None]:
        creation = self.creation
        suspect = creation.clock.suspect()
        decisions = decide(series.backups, self.keep, creation.zone, creation.now, series.standing, suspect)
        ctx = creation.ctx
        return decisions, refusal_of(
            decisions,
            suspect=suspect,
            vanished=series.vanished if creation.heed_vanished else (),
            limits=ctx.limits,
            history=history_of(ctx.memory) if creation.heed_history else (),
        )

    def _remove(self, repository: Repository, doomed: Sequence[Backup]) -> int:
        if not doomed:
            return 0
        ctx = self.creation.ctx
        ctx.checkpoint()
        about_to_remove(ctx, repository.name, [one.id for one in doomed])
        try:
            freed = repository.remove(doomed)
        finally:
            settle_removed(repository, ctx, ctx.task)
        place = f"{repository.name}/{ctx.task}".encode()
        ctx.objects.record(place, [one.id.encode() for one in doomed], Reason.OUTSIDE_KEEP)
        remember_removed(ctx.memory, len(doomed))
        return freed

    def _to_come(self, series: Series, coming: Backup) -> Series:
        """Return the series as it will be once a backup is made and what earlier ones could not tell is known."""
        known = series.standing.known
        known = known | newcomers(series.backups, known, self.creation.now) | {coming.id}
        standing = structs.replace(series.standing, known=known)
        return structs.replace(series, backups=(*series.backups, coming), standing=standing)

    def _coming(self, repository: Repository, series: Series) -> Backup:
        """Return the backup that a run would make now, as far as it can be told."""
        creation = self.creation
        choice = creation.choice(repository, series)
        return Backup(
            id=_NEW,
            repository=repository.name,
            host=creation.ctx.host,
            task=creation.ctx.task,
            level=choice.level,
            parent=choice.parent.id if choice.parent else "",
            began=creation.ctx.now.timestamp(),
            ended=creation.ctx.now.timestamp(),
            parts=(),
            files=0,
        )


def _proven(decisions: Sequence[Decision], standing: Standing) -> str:
    newest = (one.backup.id for one in decisions if one.reason is Reason.NEWEST_PROVEN)
    return next((backup for backup in newest if standing.proven(backup)), "")


def _facts(decisions: Sequence[Decision]) -> dict[str, Fact]:
    counts = Counter(str(one.reason) for one in decisions)
    removed = len(doomed_of(decisions))
    facts: dict[str, Fact] = {"remove": removed, "keep": len(decisions) - removed}
    return facts | {f"count.{reason}": number for reason, number in sorted(counts.items())}


def _judgement(repository: str, decision: Decision) -> Judgement:
    target = f"{repository}/{decision.backup.task}/{decision.backup.id}"
    return Judgement(target.encode(), not decision.kept, decision.reason, decision.detail)


def _told(decision: Decision) -> str:
    verb = "keep" if decision.kept else "remove"
    return f"{verb} {decision.backup.id}: {decision.reason}" + (f" ({decision.detail})" if decision.detail else "")
