"""The search for cutoffs against sorting everything in memory."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.newest import KEEP_ALL, KEEP_NONE
from agent.rules.ranking import Budgets, Ranking, TooManyGroups

Object = tuple[int, int]


def kept_by_sorting(objects: list[Object], budget: int) -> set[int]:
    """Return the keys of the newest objects within the budget."""
    kept: set[int] = set()
    total = 0
    for key, weight in sorted(objects, key=lambda one: (-one[0], one[1])):
        total += weight
        if total > budget:
            break
        kept.add(key)
    return kept


def settle(ranking: Ranking, objects: list[tuple[str, int, int]]) -> int:
    """Feed the objects until the ranking is settled; return how many passes that took."""
    for turn in range(1, 64):
        for group, key, size in objects:
            ranking.add(group, key, size)
        if ranking.settle():
            return turn
    raise AssertionError("not settled")


OBJECTS = st.lists(
    st.tuples(st.integers(-(10**20), 10**20), st.integers(0, 50)), max_size=60, unique_by=lambda one: one[0]
)


@given(OBJECTS, st.integers(0, 400), st.integers(1, 50))
def test_size_cutoff_keeps_what_sorting_keeps(objects: list[Object], budget: int, room: int) -> None:
    ranking = Ranking(Budgets(0, None, budget), room=room)
    settle(ranking, [("", key, size) for key, size in objects])
    cutoff = ranking.cutoffs("").size
    assert {key for key, _ in objects if key >= cutoff} == kept_by_sorting(objects, budget)


@given(OBJECTS, st.integers(0, 30), st.integers(0, 30), st.integers(1, 50))
def test_count_cutoffs_keep_what_sorting_keeps(objects: list[Object], latest: int, most: int, room: int) -> None:
    ranking = Ranking(Budgets(latest, most, None), room=room)
    settle(ranking, [("", key, size) for key, size in objects])
    cutoffs = ranking.cutoffs("")
    ones = [(key, 1) for key, _ in objects]
    assert {key for key, _ in objects if key >= cutoffs.latest} == kept_by_sorting(ones, latest)
    assert {key for key, _ in objects if key >= cutoffs.count} == kept_by_sorting(ones, most)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 50)), max_size=40), st.integers(0, 400))
def test_equal_keys_stay_or_go_together(objects: list[Object], budget: int) -> None:
    ranking = Ranking(Budgets(0, None, budget))
    settle(ranking, [("", key, size) for key, size in objects])
    cutoff = ranking.cutoffs("").size
    assert {key for key, _ in objects if key >= cutoff} == kept_by_sorting(objects, budget)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=40), st.integers(0, 400))
def test_more_equal_keys_than_fit_are_kept_rather_than_not(objects: list[Object], budget: int) -> None:
    ranking = Ranking(Budgets(0, None, budget), room=4)
    settle(ranking, [("", key, size) for key, size in objects])
    cutoff = ranking.cutoffs("").size
    kept = {key for key, _ in objects if key >= cutoff}
    assert kept >= kept_by_sorting(objects, budget)
    assert len(kept - kept_by_sorting(objects, budget)) <= 1


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 10**9), st.integers(0, 50)),
        max_size=60,
        unique_by=lambda one: one[1],
    ),
    st.integers(0, 10),
    st.integers(3, 30),
)
def test_groups_do_not_compete(objects: list[tuple[str, int, int]], most: int, room: int) -> None:
    ranking = Ranking(Budgets(0, most, None), room=room)
    settle(ranking, objects)
    for group in "abc":
        own = [(key, 1) for name, key, _ in objects if name == group]
        assert {key for key, _ in own if key >= ranking.cutoffs(group).count} == kept_by_sorting(own, most)


def test_group_that_was_not_seen_loses_nothing_to_budgets() -> None:
    ranking = Ranking(Budgets(3, 3, 3))
    assert ranking.settle()
    cutoffs = ranking.cutoffs("unseen")
    assert (cutoffs.latest, cutoffs.count, cutoffs.size) == (KEEP_ALL, KEEP_ALL, KEEP_ALL)
    assert Ranking(Budgets(0, 3, 3)).cutoffs("unseen").latest == KEEP_NONE


def test_too_many_groups_raise() -> None:
    ranking = Ranking(Budgets(1, None, None), groups=2)
    ranking.add("a", 1, 1)
    ranking.add("b", 1, 1)
    ranking.add("a", 2, 1)
    with pytest.raises(TooManyGroups):
        ranking.add("c", 1, 1)


def test_one_pass_is_enough_while_the_kept_ones_fit() -> None:
    objects = [("", number, 1) for number in random.Random(1).sample(range(10**9), 5000)]
    assert settle(Ranking(Budgets(10, 100, 200), room=2000), objects) == 1


def test_many_objects_take_few_passes_and_little_memory() -> None:
    source = random.Random(2)
    objects = [("", source.randrange(10**18) << 32, source.randrange(1000)) for _ in range(100_000)]
    budget = sum(size for _, _, size in objects) // 2
    ranking = Ranking(Budgets(0, None, budget), room=2000)
    tracemalloc.start()
    passes = settle(ranking, objects)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert passes <= 5
    assert peak < 2_000_000
    cutoff = ranking.cutoffs("").size
    assert {key for _, key, _ in objects if key >= cutoff} == kept_by_sorting(
        [(key, size) for _, key, size in objects], budget
    )


def test_objects_that_change_between_passes_never_end_in_a_loop() -> None:
    source = random.Random(3)
    ranking = Ranking(Budgets(0, 50, None), room=40)
    for _ in range(64):
        for _ in range(300):
            ranking.add("", source.randrange(10**18), 1)
        if ranking.settle():
            return
    raise AssertionError("not settled")
