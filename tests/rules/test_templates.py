from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.templates import OTHER, Miner, level_of, without_numbers


def miner(most: int = 100, forget_after: float = 1e9) -> Miner:
    return Miner([], 1, most, forget_after)


def take(found: Miner, line: str, now: float = 0.0) -> int:
    text = without_numbers(line.encode()).decode()
    return found.belongs(level_of(text), text, now).id


def texts(found: Miner) -> list[str]:
    return [one.text for one in found.templates.values()]


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("2026-03-01 12:00:00 ERROR broken", "error"),
        ("[warn] low on disk", "warning"),
        ("<3> kernel: panic: oops", "emergency"),
        ("level=info msg=hello", "info"),
        ("an error occurred, INFO says it", "info"),
        ("/var/log/error.log rotated", "unknown"),
        ("terror and inform", "unknown"),
        ("x" * 200 + " ERROR", "unknown"),
        ("FATAL: no such database", "critical"),
    ],
)
def test_level_of_a_line_is_the_one_that_it_names(line: str, level: str) -> None:
    assert level_of(line) == level


def test_miner_of_lines_that_differ_in_numbers_finds_one_template() -> None:
    found = miner()
    ids = {take(found, f"2026-03-01T12:00:{n:02d}Z app[{n}]: request {n} took {n}ms") for n in range(60)}
    assert len(ids) == 1
    assert texts(found) == ["<*> app[<*>]: request <*> took <*>"]


def test_miner_of_lines_that_differ_in_words_generalises_those() -> None:
    found = miner()
    for user in ("alice", "bob", "carol"):
        take(found, f"session opened for user {user} by root")
    assert texts(found) == ["session opened for user <*> by root"]


def test_miner_tells_messages_apart_by_how_they_begin_and_by_level() -> None:
    found = miner()
    lines = [
        "Mar  1 12:00:00 host sshd[1]: Accepted password for bob from 10.0.0.1 port 22 ssh2",
        "Mar  1 12:00:00 host sshd[1]: Failed password for bob from 10.0.0.1 port 22 ssh2",
        "12:00 INFO [main] shop.Cart - cart emptied after 5 items",
        "12:00 ERROR [main] shop.Cart - cart emptied after 5 items",
    ]
    assert len({take(found, line) for line in lines}) == 4


def test_miner_that_is_full_counts_what_is_new_together_until_something_may_be_forgotten() -> None:
    found = miner(most=2, forget_after=100)
    first, second = take(found, "alpha one", 0), take(found, "beta two", 50)
    assert take(found, "gamma three", 60) == OTHER
    found.templates[second].last = 120
    third = take(found, "gamma three", 120)
    assert third not in (OTHER, first, second)
    assert sorted(found.templates) == [second, third]


@given(st.lists(st.text(alphabet="ab 0[]:=-\t\x00é", max_size=30), max_size=60), st.integers(0, 60))
def test_miner_made_anew_in_between_goes_on_as_if_it_had_not_been(lines: list[str], cut: int) -> None:
    whole, first = miner(most=10), miner(most=10)
    expected = [take(whole, line) for line in lines]
    found = [take(first, line) for line in lines[:cut]]
    second = Miner(list(first.templates.values()), first.following, 10, 1e9)
    found += [take(second, line) for line in lines[cut:]]
    assert found == expected
    assert texts(second) == texts(whole)
    assert len(whole.templates) <= 10
