"""Why no backup may be removed after all: what the prune step of a run, its preview and `backup explain` ask."""

from __future__ import annotations

from collections.abc import Sequence

from agent.model.backups import Backup
from agent.model.policies import Limits
from agent.model.reasons import Reason
from agent.ports import Memory
from agent.rules.keep import Decision
from agent.rules.safeguards import HISTORY_RUNS, Refusal, Selection, beyond_limits, with_run

_HISTORY = "pruned"
_FEW = 10
_FACTOR = 3
"""Once earlier runs tell what is usual, more than this and so many times the most of theirs is not."""


def refusal_of(
    decisions: Sequence[Decision],
    *,
    suspect: str,
    vanished: Sequence[Backup],
    limits: Limits,
    history: Sequence[int],
) -> Refusal | None:
    """Given what the rules decided, return why a run would remove nothing all the same, or None.

    `suspect` says why the clock is not to be trusted, `vanished` are the known backups that are not listed, and
    `history` is how many earlier runs removed; what the options say is not to be heeded is left empty.
    """
    if suspect:
        return Reason.CLOCK_SUSPECT, suspect
    if vanished:
        names = ", ".join(one.id for one in vanished[:5])
        return Reason.LISTING_INCOMPLETE, (
            f"{len(vanished)} backups that this host made are not listed any more ({names}); "
            "if they were removed by hand, set `vanished: forget` for one run"
        )
    doomed = doomed_of(decisions)
    selected = Selection(len(doomed), sum(one.stored for one in doomed), len(decisions))
    return beyond_limits(selected, limits, "backups") or _unusual(len(doomed), history)


def doomed_of(decisions: Sequence[Decision]) -> list[Backup]:
    """Return the backups that are not kept."""
    return [one.backup for one in decisions if not one.kept]


def _unusual(doomed: int, history: Sequence[int]) -> Refusal | None:
    if len(history) < HISTORY_RUNS or doomed <= max(_FEW, _FACTOR * max(history)):
        return None
    return Reason.BEYOND_HISTORY, (
        f"{doomed} backups would be removed, and earlier runs removed {max(history)} at most; "
        "if that is right, set `beyond_history: allow` for one run"
    )


def history_of(memory: Memory) -> list[int]:
    """Return how many backups earlier runs of a task removed."""
    remembered = memory.recall(_HISTORY)
    return [int(number) for number in remembered] if isinstance(remembered, list) else []


def remember_removed(memory: Memory, removed: int) -> None:
    """Let later runs know how many backups this one removed."""
    memory.remember(_HISTORY, with_run(history_of(memory), removed))
