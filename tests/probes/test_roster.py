"""Which processes a pass looks at."""

from __future__ import annotations

from itertools import pairwise

import pytest

from agent.probes.roster import (
    KERNELS_LOOKED_AT_EVERY,
    LISTED_EVERY,
    LOOKED_AT_EVERY,
    MOST_GUESSED,
    SETTLED_AFTER,
    SETTLED_LOOKED_AT_EVERY,
    YOUNG_FOR,
    Roster,
)


class Table:
    """A kernel's table of processes, and a roster of it; `listings` counts how often all were asked for."""

    def __init__(self, *pids: int) -> None:
        self.pids = {str(pid) for pid in pids}
        self.newest = max(pids)
        self.listings = 0
        self.roster = Roster(self._listing, lambda: self.newest)

    def _listing(self) -> set[str]:
        self.listings += 1
        return self.pids

    def start(self, *pids: int) -> None:
        self.pids |= {str(pid) for pid in pids}
        self.newest = pids[-1]

    def end(self, pid: int) -> None:
        self.pids.discard(str(pid))

    def look(self, interesting: frozenset[str] = frozenset(), every: int = LOOKED_AT_EVERY) -> list[str]:
        """Go through one pass as `Processes` does, and return the ids that were looked at."""
        due = self.roster.due()
        for pid in due:
            if pid not in self.pids:
                self.roster.gone(pid)
            elif pid in interesting:
                self.roster.of_interest(pid)
            else:
                self.roster.pass_over(pid, lambda _: every)
        return sorted(due, key=int)


@pytest.mark.parametrize("every", [LOOKED_AT_EVERY, SETTLED_LOOKED_AT_EVERY, KERNELS_LOOKED_AT_EVERY])
def test_process_of_no_interest_is_looked_at_often_at_first_and_seldom_later(every: int) -> None:
    table = Table(100)
    seen = [number for number in range(YOUNG_FOR + 3 * every) if table.look(every=every)]
    assert seen[:YOUNG_FOR] == list(range(YOUNG_FOR))
    later = seen[YOUNG_FOR:]
    assert later[0] - (YOUNG_FOR - 1) <= every
    assert all(after - before == every for before, after in pairwise(later))


def test_process_looked_at_in_vain_for_long_is_settled() -> None:
    table = Table(100)
    seen = [
        number
        for number in range(YOUNG_FOR + SETTLED_AFTER * LOOKED_AT_EVERY + 2 * SETTLED_LOOKED_AT_EVERY)
        if table.look()
    ]
    looks = [after - before for before, after in pairwise(seen)]
    assert looks[SETTLED_AFTER - 2] == LOOKED_AT_EVERY
    assert looks[-1] == SETTLED_LOOKED_AT_EVERY


def test_one_of_the_kernels_own_looked_at_in_vain_for_long_stays_what_it_is() -> None:
    table = Table(100)
    seen = [
        n for n in range((SETTLED_AFTER + 3) * KERNELS_LOOKED_AT_EVERY) if table.look(every=KERNELS_LOOKED_AT_EVERY)
    ]
    assert {after - before for before, after in pairwise(seen[YOUNG_FOR:])} == {KERNELS_LOOKED_AT_EVERY}


def test_processes_that_came_together_are_looked_at_in_different_passes() -> None:
    table = Table(*range(1, 61))
    seen = [len(table.look()) for _ in range(YOUNG_FOR + 2 * LOOKED_AT_EVERY)]
    assert seen[YOUNG_FOR:] == [10] * (2 * LOOKED_AT_EVERY)


def test_process_of_interest_is_looked_at_in_every_pass() -> None:
    table = Table(100, 200)
    for _ in range(30):
        assert "200" in table.look(frozenset({"200"}))


def test_process_that_is_of_interest_no_longer_is_passed_over() -> None:
    table = Table(100)
    for _ in range(10):
        table.look(frozenset({"100"}))
    looks = [len(table.look()) for _ in range(12)]
    assert sum(looks) < 8


def test_news_of_interest_are_told_once() -> None:
    table = Table(100)
    table.roster.due()
    assert [table.roster.of_interest("100") for _ in range(2)] == [True, False]


def test_newcomers_are_known_without_a_listing() -> None:
    table = Table(100)
    table.look()
    table.start(103)
    assert table.look() == ["100", "101", "102", "103"]
    assert table.listings == 1


def test_all_are_listed_when_many_are_new_and_every_so_often() -> None:
    table = Table(100)
    table.look()
    table.start(101 + MOST_GUESSED)
    table.look()
    assert table.listings == 2
    for _ in range(2 * LISTED_EVERY):
        table.look()
    assert table.listings == 4


def test_ids_that_begin_anew_may_be_those_of_other_processes() -> None:
    table = Table(2, 30000)
    for _ in range(3 * LOOKED_AT_EVERY):
        table.look(every=SETTLED_LOOKED_AT_EVERY)
    table.end(2)
    table.start(2)
    table.newest = 2
    assert table.look() == ["2", "30000"]


def test_id_of_a_process_that_ended_is_looked_at_when_it_is_given_again() -> None:
    table = Table(100)
    for _ in range(YOUNG_FOR):
        table.look(every=SETTLED_LOOKED_AT_EVERY)
    table.end(100)
    for _ in range(LISTED_EVERY):
        table.look()
    table.start(100)
    assert any("100" in table.look() for _ in range(LISTED_EVERY))


def test_process_is_looked_at_once_in_a_pass_however_often_its_id_was_given() -> None:
    table = Table(100)
    for number in range(60):
        (table.end if number % 4 == 0 else table.start)(100)
        due = table.look()
        assert len(set(due)) == len(due)


def test_ended_processes_are_forgotten() -> None:
    table = Table(*range(1, 1000))
    for _ in range(10):
        table.look(frozenset({"7"}))
    table.pids = {"7"}
    for _ in range(LISTED_EVERY + 1):
        table.look(frozenset({"7"}))
    assert table.look(frozenset({"7"})) == ["7"]
