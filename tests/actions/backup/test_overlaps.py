"""Paths that several backups have: the newest brings one back, and nothing takes the place of what lies in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from agent.actions.backup._overlaps import key, shares, superseded
from agent.model.backups import Backup, Entry
from tests.actions.backup.restoring import backup

WIDE: Backup = replace(backup("w", task="wide"), began=1000.0)
SHOP: Backup = replace(backup("s", task="shop"), began=1000.0)
TOPS = {key(WIDE): ("/a", "/srv/shop/uploads", "/var"), key(SHOP): ("/opt", "/srv/shop", "/var/x")}


def entry(path: bytes, kind: str = "file") -> Entry:
    return Entry(path=path, kind=kind, mode=0o644, uid=0, gid=0, size=0, modified=0.0)


def test_what_lies_in_a_path_of_another_comes_after_that() -> None:
    assert [(one.backup.task, one.level, one.tops) for one in shares((WIDE, SHOP), TOPS)] == [
        ("shop", 0, ("/opt", "/srv/shop")),
        ("wide", 0, ("/a", "/var")),
        ("shop", 1, ("/var/x",)),
        ("wide", 1, ("/srv/shop/uploads",)),
    ]


def test_backup_without_paths_has_a_share_all_the_same() -> None:
    (found,) = shares((SHOP,), {key(SHOP): ()})
    assert (found.backup, found.tops) == (SHOP, ())


@pytest.mark.parametrize(
    ("there", "gives_way"),
    [
        ([entry(b"/srv/shop/uploads", "directory")], False),
        ([entry(b"/srv/shop/uploads", "directory"), entry(b"/srv/shop/uploads-2/file")], False),
        ([entry(b"/srv/shop/uploads", "directory"), entry(b"/srv/shop/uploads/file")], True),
        ([entry(b"/srv/shop/uploads", "link")], True),
    ],
)
def test_older_path_gives_way_where_a_newer_backup_has_more_of_it_than_directories(
    there: list[Entry], *, gives_way: bool
) -> None:
    newer = replace(SHOP, began=2000.0)

    def entries(backup: Backup) -> Iterator[Entry]:
        assert backup is newer, "what has nothing in common is not looked at"
        yield from there

    found = superseded((WIDE, newer), TOPS, entries, ())
    assert found == ({key(WIDE): {"/srv/shop/uploads": newer}} if gives_way else {})
    assert superseded((WIDE, newer), TOPS, entries, {(key(WIDE), "/srv/shop/uploads")}) == {}


def test_newest_of_several_brings_a_path_back() -> None:
    backups = [replace(SHOP, id=f"s{number}", task=f"shop-{number}", began=float(number)) for number in range(3)]
    found = superseded(backups, {key(one): ("/srv",) for one in backups}, lambda _one: [entry(b"/srv/file")], ())
    assert found == {key(one): {"/srv": backups[2]} for one in backups[:2]}


def test_path_of_which_a_newer_one_brings_back_nothing_itself_gives_way_to_none() -> None:
    old, newer, newest = (replace(SHOP, id=name, task=name, began=float(number)) for number, name in enumerate("abc"))
    tops = {key(old): ("/srv/shop/uploads",), key(newer): ("/srv/shop",), key(newest): ("/srv",)}
    has = {"b": [entry(b"/srv/shop/uploads/file")], "c": [entry(b"/srv/shop/logo")]}
    found = superseded((old, newer, newest), tops, lambda one: has[one.id], ())
    assert found == {key(newer): {"/srv/shop": newest}}
