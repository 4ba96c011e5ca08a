"""Which backups of a series are kept, and why: `keep: {last, daily, weekly, monthly, quarterly, yearly, within}`.

The rule is restic's (`agent.rules.buckets`), in a time zone of ours and with quarters. A backup counts when it is good:
it and all that it builds on lack nothing, are there, and were not found damaged since the last restore that succeeded.
Three times the rule is asked, and what one of the answers keeps is kept:

1. of the good backups that this host made, so that neither a flawed one nor one of somebody else takes their slots;
2. of those up to the newest proven one, so that however many come after it, none takes their slots. Whoever can add
   backups and wants the good ones to expire would have to have one of his restored and proven first;
3. of all of them, so that where none is good the best there is stays, as long as it would if it were good.

Without flaws, and with the newest backup proven or none, the three are the same: what restic would keep. Where it is
not known what this host made, all is taken for its.

Kept besides: the newest proven backup, what a kept one builds on, and what is dated after now, which takes no slot
either. So does none that lies between two that this host made and is not known to it: backups come one after the other,
and what does not was put there. It is left for a person to look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo

from msgspec import Struct

from agent.errors import RunFailed
from agent.model.backups import Backup, Proof, Verification
from agent.model.reasons import Reason
from agent.rules.buckets import Keep, kept

_DAMAGED = "until damage was found in it"


class Standing(Struct, frozen=True, kw_only=True):
    """What is known of a series beyond its listing.

    `proofs` and `verifications` are the newest of each backup by id, `known` the ids of those that this host made.
    """

    proofs: Mapping[str, Proof]
    verifications: Mapping[str, Verification]
    known: frozenset[str] = frozenset()

    def damaged(self, backup: str) -> bool:
        """Return whether a backup was found damaged, and no restore has succeeded since."""
        verification = self.verifications.get(backup)
        if verification is None or not verification.flaws:
            return False
        proof = self.proofs.get(backup)
        return proof is None or proof.at <= verification.at

    def proven(self, backup: str) -> bool:
        """Return whether a backup was proven, and not found damaged since."""
        return backup in self.proofs and not self.damaged(backup)


class Decision(Struct, frozen=True):
    """What becomes of one backup, and why: a reason, and a detail for people."""

    backup: Backup
    kept: bool
    reason: Reason
    detail: str = ""


def good(backups: Sequence[Backup], standing: Standing) -> frozenset[str]:
    """Given a whole series, return the ids of those that can be relied on, with all that they build on."""
    by_id = {one.id: one for one in backups}
    sound: dict[str, bool] = {}
    for backup in backups:
        way: dict[str, Backup] = {}
        at: Backup | None = backup
        while at is not None and at.id not in sound and at.id not in way:
            way[at.id] = at
            at = by_id.get(at.parent)
        # The way ends at one that is judged already, in a circle, or at one that builds on nothing or on what is gone.
        whole = not list(way.values())[-1].parent if at is None else sound.get(at.id, False)
        for one in reversed(way.values()):
            whole = whole and not one.flaws and not standing.damaged(one.id)
            sound[one.id] = whole
    return frozenset(one for one, whole in sound.items() if whole)


def latecomers(backups: Sequence[Backup], known: frozenset[str], now: float) -> frozenset[str]:
    """Given a series and the ids of those that this host made, return those that came between them and are not its."""
    instants = [one.began for one in backups if one.id in known and one.began <= now]
    if not instants:
        return frozenset()
    oldest, newest = min(instants), max(instants)
    return frozenset(one.id for one in backups if one.id not in known and oldest < one.began < newest)


def newcomers(backups: Sequence[Backup], known: frozenset[str], now: float) -> frozenset[str]:
    """Given a series and the ids of those that this host made, return those that it may have made since.

    A run that was killed could not say so; and where nothing is known any more, all may be its.
    """
    newest = max((one.began for one in backups if one.id in known and one.began <= now), default=-1.0)
    return frozenset(one.id for one in backups if one.id not in known and one.began > newest)


def decide(
    backups: Sequence[Backup], keep: Keep, zone: tzinfo, now: float, standing: Standing, suspect: str = ""
) -> tuple[Decision, ...]:
    """Given a whole series, decide about each of its backups, newest first.

    `suspect` says why the clock is not to be trusted, empty if it is; then all are kept. Raises RunFailed for a rule
    that keeps nothing.
    """
    if not keep.keeps_something():
        raise RunFailed("`keep` has no rule and would keep nothing: give it one, or leave `keep` out to remove nothing")
    ordered = sorted(backups, key=lambda one: (one.began, one.id), reverse=True)
    if suspect:
        return tuple(Decision(one, True, Reason.CLOCK_SUSPECT, suspect) for one in ordered)
    apart = _apart(ordered, now, standing)
    counting = [one for one in ordered if one.id not in apart]
    reliable = good(ordered, standing)
    proven = _newest_proven(counting, reliable, standing)
    mine = reliable & standing.known or reliable
    wanted = _wanted(counting, keep, zone, mine, proven)
    for one in counting:
        if one.id in proven:
            detail = _DAMAGED if standing.damaged(one.id) else wanted.get(one.id, "")
            apart[one.id] = Reason.NEWEST_PROVEN, detail
    held = {one.id for one in ordered if one.id in apart or one.id in wanted}
    needed = _needed(ordered, held)
    return tuple(_decision(one, apart, wanted, needed) for one in ordered)


def _apart(backups: Sequence[Backup], now: float, standing: Standing) -> dict[str, tuple[Reason, str]]:
    """Return those that take no slot and stay whatever the rules say, with why."""
    found = dict.fromkeys(latecomers(backups, standing.known, now), (Reason.NOT_MADE_HERE, ""))
    return found | {one.id: (Reason.DATED_IN_THE_FUTURE, "") for one in backups if one.began > now}


def _newest_proven(ordered: Sequence[Backup], reliable: frozenset[str], standing: Standing) -> dict[str, float]:
    """Return when the newest proven backup began, by id: of the good ones, and of all if that is another one."""
    proven = [one for one in ordered if one.id in standing.proofs]
    return {one.id: one.began for one in (*proven[:1], *[one for one in proven if one.id in reliable][:1])}


def _wanted(
    counting: Sequence[Backup], keep: Keep, zone: tzinfo, mine: frozenset[str], proven: Mapping[str, float]
) -> dict[str, str]:
    """Return what keeps each backup that a rule keeps, by id; `mine` are the good ones of this host."""
    sound = [one for one in counting if one.id in mine]
    anchor = max((began for one, began in proven.items() if one in mine), default=None)
    until = [one for one in sound if anchor is not None and one.began <= anchor]
    found: dict[str, str] = {}
    for some, which in ((sound, ""), (until, ", up to the newest proven one"), (counting, ", counting all")):
        for rank, reasons in kept([max(one.began, 0.0) for one in some], keep, zone).items():
            found.setdefault(some[rank].id, ", ".join(reasons) + which)
    return found


def _needed(backups: Sequence[Backup], held: set[str]) -> dict[str, str]:
    """Return, for each backup that a held one builds on, the id of one that does."""
    by_id = {one.id: one for one in backups}
    found: dict[str, str] = {}
    for one in backups:
        if one.id not in held:
            continue
        parent = one.parent
        while parent in by_id and parent not in found:
            found[parent] = one.id
            parent = by_id[parent].parent
    return found


def _decision(
    one: Backup,
    apart: Mapping[str, tuple[Reason, str]],
    wanted: Mapping[str, str],
    needed: Mapping[str, str],
) -> Decision:
    if one.id in apart:
        return Decision(one, True, *apart[one.id])
    if one.id in wanted:
        return Decision(one, True, Reason.KEPT_BY_RULE, wanted[one.id])
    if one.id in needed:
        return Decision(one, True, Reason.NEEDED_BY_KEPT, needed[one.id])
    return Decision(one, False, Reason.OUTSIDE_KEEP)
