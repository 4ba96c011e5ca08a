from __future__ import annotations

import pytest

from agent.drivers.repositories.pgbackrest import wal
from tests.drivers.repositories.pgbackrest.told import backup

LINE = "00000001"


def segment(number: int, *, log: int = 0, line: str = LINE) -> str:
    return f"{line}{log:08X}{number:08X}"


def test_segments_are_told_from_other_files_of_an_archive() -> None:
    digest = "a" * 40
    names = [f"0000000100000000/{segment(3)}-{digest}.gz", f"{segment(4)}-{digest}", f"{segment(5)}.00000028.backup"]
    assert wal.segments([*names, "00000002.history", f"{segment(6)}-{digest}.gz.tmp.x"]) == {segment(3), segment(4)}


@pytest.mark.parametrize(
    ("name", "position", "per"),
    [
        (segment(3), "0/3000100", 256),
        (segment(3), "0/4000000", 256),
        (segment(0, log=1), "1/100", 256),
        (segment(0x30), "0/3000100", 4096),
        (segment(1), "0/4000100", 64),
        (segment(0, log=5), "4/40000100", 256),
    ],
)
def test_size_of_a_segment_follows_from_a_position_in_it(name: str, position: str, per: int) -> None:
    assert wal.per_log(name, position) == per


def test_following_segment_begins_a_new_log_after_the_last() -> None:
    assert wal.following(segment(0xFE), 256) == segment(0xFF)
    assert wal.following(segment(0xFF), 256) == segment(0, log=1)
    assert wal.following(segment(0x3F), 64) == segment(0, log=1)


def test_missing_segments_are_those_a_backup_needs_and_those_to_go_on() -> None:
    one, two = backup(segment(3), segment(5)), backup(segment(9), segment(9), name="later")
    needed = wal.stretch(one, (one, two))
    there = {segment(number) for number in (1, 3, 5, 6, 8, 9, 12)}
    assert wal.missing(needed, there, expires=False) == ([segment(4)], [segment(7)])
    assert wal.missing(wal.stretch(two, (one, two)), there, expires=False) == ([], [segment(10), segment(11)])


def test_log_that_was_given_up_early_is_missing_only_where_nothing_was_told_to_give_it_up() -> None:
    one, two = backup(segment(3), segment(3)), backup(segment(9), segment(9), name="later")
    needed, there = wal.stretch(one, (one, two)), {segment(3), segment(9)}
    assert wal.missing(needed, there, expires=True) == ([], [])
    assert wal.missing(needed, there, expires=False) == ([], [segment(number) for number in range(4, 9)])


def test_each_segment_belongs_to_one_backup() -> None:
    one, two = backup(segment(3), segment(4)), backup(segment(9), segment(9), name="later")
    stretches = [wal.stretch(one, (one, two)), wal.stretch(two, (one, two))]
    for number, owner in ((1, 0), (3, 0), (8, 0), (9, 1), (20, 1)):
        assert [it.holds(segment(number)) for it in stretches] == [owner == 0, owner == 1]
    later = segment(21, line="00000002")
    assert [it.holds(later) for it in stretches] == [False, True]
