"""Which backups are read to the last byte now, so that each is every so often and no run takes for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from agent.model.backups import Backup

FIRST = 86400.0
"""A first run may read as much as if the one before had been so many seconds ago."""


class Budget(Struct, frozen=True):
    """What may be read: `credit` bytes as of an instant. A large backup takes more than there is, and is paid off."""

    credit: float
    at: float


def replenished(budget: Budget | None, total: int, every: float, now: float) -> Budget:
    """Given the budget after the last run, all bytes, and in how many seconds to read them, return that of now.

    What was not used does not add up beyond one reading of everything.
    """
    if budget is None:
        return Budget(min(1.0, FIRST / every) * total, now)
    passed = min(max(now - budget.at, 0.0), every)
    return Budget(min(budget.credit + passed / every * total, float(total)), now)


def due(
    backups: Sequence[Backup], read_at: Mapping[str, float], credit: float, every: float, now: float
) -> list[Backup]:
    """Given backups and when each was read last, return those to read now, the one longest ago first.

    They are chosen while there is credit left; the last one may take more. Nothing is read again in the first half of
    its time. What was read in the future is taken for never read.
    """
    last = {one.id: at if (at := read_at.get(one.id, 0.0)) <= now else 0.0 for one in backups}
    chosen: list[Backup] = []
    for one in sorted(backups, key=lambda one: (last[one.id], one.began, one.id)):
        if credit <= 0:
            break
        if now - last[one.id] >= every / 2:
            chosen.append(one)
            credit -= max(one.stored, 1)
    return chosen
