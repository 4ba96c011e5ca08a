"""What a backup builds on, and what builds on it."""

from __future__ import annotations

import random

import pytest
from msgspec import structs

from agent.model.backups import Backup, Level, Listing
from agent.rules.chains import BrokenChain, by_trust, chain, dependents


def backup(name: str, parent: str = "", level: Level | None = None, task: str = "shop") -> Backup:
    return Backup(
        id=name,
        repository="local",
        host="web1",
        task=task,
        level=level or (Level.INCREMENTAL if parent else Level.FULL),
        parent=parent,
        began=0.0,
        ended=1.0,
        parts=(),
        files=0,
    )


def names(backups: tuple[Backup, ...]) -> list[str]:
    return [one.id for one in backups]


SERIES = Listing(
    (
        backup("f1"),
        backup("i1", "f1"),
        backup("i2", "i1"),
        backup("d1", "f1", Level.DIFFERENTIAL),
        backup("i3", "d1"),
        backup("f2"),
    )
)


@pytest.mark.parametrize(
    ("newest", "expected"),
    [("f1", ["f1"]), ("i2", ["f1", "i1", "i2"]), ("i3", ["f1", "d1", "i3"]), ("f2", ["f2"])],
)
def test_chain_of_a_backup_is_its_parents_oldest_first(newest: str, expected: list[str]) -> None:
    assert names(chain(SERIES, newest)) == expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("f1", ["i1", "i2", "d1", "i3"]), ("i1", ["i2"]), ("d1", ["i3"]), ("i2", []), ("f2", []), ("gone", [])],
)
def test_dependents_of_a_backup_are_all_that_build_on_it(missing: str, expected: list[str]) -> None:
    assert names(dependents(SERIES, missing)) == expected


@pytest.mark.parametrize(
    ("backups", "why"),
    [
        ((), "there is no backup i1"),
        ((backup("i1", "f1"),), "f1, which i1 builds on, is not there"),
        ((backup("f1", task="other"), backup("i1", "f1")), "another host or task"),
        ((backup("f1", "i1"), backup("i1", "f1")), "builds on itself"),
        ((backup("i1", "i1"),), "builds on itself"),
    ],
)
def test_chain_that_does_not_lead_to_a_full_backup_is_broken(backups: tuple[Backup, ...], why: str) -> None:
    with pytest.raises(BrokenChain, match=why):
        chain(Listing(backups), "i1")


def test_dependents_in_a_circle_end() -> None:
    listing = Listing((backup("a", "b"), backup("b", "a")))
    assert names(dependents(listing, "a")) == ["b"]


def test_dependents_of_random_listings_are_those_whose_chain_has_it() -> None:
    generator = random.Random(5)
    for _ in range(200):
        backups: list[Backup] = []
        for number in range(generator.randrange(1, 12)):
            parent = generator.choice(["", *(one.id for one in backups)])
            backups.append(backup(str(number), parent))
        one = generator.choice(backups).id
        listing = Listing(tuple(backups))
        expected = [other.id for other in backups if other.id != one and one in names(chain(listing, other.id))]
        assert names(dependents(listing, one)) == expected
        rest = structs.replace(listing, backups=tuple(other for other in backups if other.id != one))
        for name in expected:
            with pytest.raises(BrokenChain):
                chain(rest, name)


def test_chain_of_a_backup_without_a_parent_is_itself_whatever_its_level() -> None:
    alone = backup("i1", level=Level.INCREMENTAL)
    assert chain(Listing((alone,)), "i1") == (alone,)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (500.0, ["later", "first", "second"]),
        (5000.0, ["first", "second", "later"]),
        (0.0, ["first", "second", "later"]),
        (100.0, ["second", "later", "first"]),
    ],
)
def test_by_trust_prefers_the_newest_that_is_not_of_the_future(now: float, expected: list[str]) -> None:
    dates = {"second": 200.0, "later": 1000.0, "first": 100.0}
    dated = [structs.replace(backup(name), began=began) for name, began in dates.items()]
    assert names(by_trust(dated, now)) == expected


def test_by_trust_prefers_what_is_known_to_what_looks_newer() -> None:
    dates = {"ours": 100.0, "older": 50.0, "forged": 200.0, "ahead": 10_000.0}
    dated = [structs.replace(backup(name), began=began) for name, began in dates.items()]
    assert names(by_trust(dated, 1000.0, {"ours", "older"})) == ["ahead", "forged", "older", "ours"]
