from __future__ import annotations

from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.cli.output import ago, broken, duration, fitting, harmless, instant, path_text, table
from agent.readable import times


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.0, "0ms"),
        (0.85, "850ms"),
        (12.0, "12.0s"),
        (59.94, "59.9s"),
        (60.0, "1m00s"),
        (185.0, "3m05s"),
        (7800.0, "2h10m"),
        (86_400.0, "1d0h"),
        (4 * 86_400 + 3 * 3600, "4d3h"),
    ],
)
def test_duration_reads_short(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("then", "text"), [(None, "never"), (90.0, "10.0s ago"), (110.0, "in 10.0s"), (100.0, "0ms ago")]
)
def test_ago_tells_past_from_future(then: float | None, text: str) -> None:
    assert ago(then, 100.0) == text


def test_times_are_counted_in_words() -> None:
    assert [times(number) for number in (1, 2, 30)] == ["once", "2 times", "30 times"]


def test_instant_is_local() -> None:
    assert instant(0.0, UTC) == "1970-01-01 00:00:00"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("two\nlines", "two\\nlines"),
        ("right\u202eleft", "right\\u202eleft"),
        ("ü and 漢", "ü and 漢"),
        ("\udcff", "\\udcff"),
    ],
)
def test_harmless_escapes_what_a_terminal_would_obey(text: str, shown: str) -> None:
    assert harmless(text) == shown


@given(st.binary(max_size=50).filter(lambda path: b"\0" not in path))
def test_path_text_of_any_bytes_can_be_printed(path: bytes) -> None:
    shown = path_text(path)
    shown.encode()
    assert "\n" not in shown
    assert "\x1b" not in shown


def test_table_aligns_and_does_not_pad_the_end() -> None:
    assert table(("a", "bb"), [("ccc", "d"), ("e", "\x07")]) == "a    bb\nccc  d\ne    \\x07"


def test_table_goes_on_below_where_its_last_column_is_too_long() -> None:
    shown = table(("task", "does"), [("tidy", "deletes what nobody has asked for in a year"), ("b", "")], within=30)
    assert shown.split("\n") == [
        "task  does",
        "tidy  deletes what nobody has",
        "      asked for in a year",
        "b",
    ]


def test_table_without_room_for_its_last_column_goes_on_below_in_others() -> None:
    shown = table(("a b", "c"), [("one two three four", "five six seven eight")], within=24)
    assert shown.split("\n") == ["a b          c", "one two      five six", "three four   seven eight"]


def test_table_breaks_words_only_where_nothing_else_is_left() -> None:
    key = 'disk.used_percent{mountpoint="/srv"}'
    shown = table(("series", "x"), [(key, "1")], within=30).split("\n")
    assert shown == ["series                       x", f"{key[:27]}  1", key[27:]]
    assert table(("a", "b"), [("c" * 9, "d" * 9)], within=12).split("\n")[1:] == ["ccccc  ddddd", "cccc   dddd"]
    assert table(("a", "b"), [("c" * 9, "d" * 9)], within=9).split("\n")[1] == "c" * 9 + "  " + "d" * 9


@given(st.lists(st.tuples(*[st.text(st.characters(codec="ascii"), max_size=60)] * 5), max_size=5), st.integers(40, 120))
def test_table_keeps_within_and_loses_nothing(rows: list[tuple[str, ...]], within: int) -> None:
    shown = table(("a", "b", "c", "d", "e"), rows, within)
    assert max(map(len, shown.split("\n"))) <= within
    assert sorted("".join(shown.split())) == sorted("".join(table(("a", "b", "c", "d", "e"), rows).split()))


def test_columns_that_can_be_done_without_go_where_a_table_is_too_wide() -> None:
    headings, rows = ("one", "two", "three"), [("a" * 10, "b" * 10, "c" * 10)]
    assert table(headings, rows, None, ("two",)) == table(headings, rows, 34, ("two",)) == table(headings, rows)
    assert table(headings, rows, 33, ("two", "one")) == table(("one", "three"), [("a" * 10, "c" * 10)])
    assert table(headings, rows, 20, ("two", "one")) == table(("three",), [("c" * 10,)])


def test_broken_text_is_indented_and_stays_within() -> None:
    assert broken("one two three four five six seven", 24, "  ") == ["  one two three four", "  five six seven"]
    assert broken("of any length", None, "  ") == ["  of any length"]


def test_fitting_without_a_terminal_shows_all_of_it() -> None:
    assert fitting(lambda rows: f"{rows} rows", 8) == "8 rows"
