from __future__ import annotations

import itertools

from msgspec.structs import replace

from agent.model.backups import Backup, Part
from agent.rules.reading import Budget, due, replenished
from tests.rules.test_keep import NOW, backup

DAY = 86400.0
MONTH = 30 * DAY


def sized(name: str, days: float, stored: int) -> Backup:
    part = Part(kind="files", name="files", form="fake", bytes=2 * stored, stored=stored)
    return replace(backup(name, days), parts=(part,))


def test_replenished_grows_with_the_time_since_the_last_run() -> None:
    assert replenished(None, 3000, MONTH, NOW) == Budget(100, NOW)
    assert replenished(None, 3000, DAY / 2, NOW) == Budget(3000, NOW)
    assert replenished(Budget(-50, NOW - DAY), 3000, MONTH, NOW) == Budget(50, NOW)
    assert replenished(Budget(2990, NOW - DAY), 3000, MONTH, NOW) == Budget(3000, NOW)
    assert replenished(Budget(10, NOW + DAY), 3000, MONTH, NOW) == Budget(10, NOW)


def test_due_begins_with_what_was_read_longest_ago() -> None:
    backups = [sized("a", 9, 100), sized("b", 8, 100), sized("c", 7, 100), sized("d", 6, 100)]
    read = {"a": NOW - 20 * DAY, "b": NOW - 25 * DAY, "c": NOW + DAY, "d": NOW - DAY}
    assert [one.id for one in due(backups, read, 250, MONTH, NOW)] == ["c", "b", "a"]
    assert [one.id for one in due(backups, read, 1000, MONTH, NOW)] == ["c", "b", "a"]
    assert [one.id for one in due(backups, read, 1, MONTH, NOW)] == ["c"]
    assert due(backups, read, 0, MONTH, NOW) == []
    assert due(backups, read, -5, MONTH, NOW) == []


def test_reading_by_the_budget_reads_all_in_time_and_none_too_often() -> None:
    backups = [sized(f"b{number}", number, 10 + 997 * number % 700) for number in range(40)]
    read: dict[str, float] = {}
    reads: dict[str, list[float]] = {one.id: [] for one in backups}
    budget: Budget | None = None
    most = 0
    for day in range(365):
        now = NOW + day * DAY
        budget = replenished(budget, sum(one.stored for one in backups), MONTH, now)
        chosen = due(backups, read, budget.credit, MONTH, now)
        for one in chosen:
            read[one.id] = now
            reads[one.id].append(now)
            budget = Budget(budget.credit - one.stored, budget.at)
        most = max(most, sum(one.stored for one in chosen))
    gaps = [b - a for times in reads.values() for a, b in itertools.pairwise(times)]
    assert max(gaps) <= 33 * DAY
    assert min(gaps) >= 15 * DAY
    assert most <= sum(one.stored for one in backups) / 30 + 2 * 710
