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


def test_table_without_room_for_its_last_column_leaves_it_whole() -> None:
    assert table(("a" * 20, "b"), [("c", "much to say of it")], within=30).split("\n")[1].endswith("much to say of it")


def test_broken_text_is_indented_and_stays_within() -> None:
    assert broken("one two three four five six seven", 24, "  ") == ["  one two three four", "  five six seven"]
    assert broken("of any length", None, "  ") == ["  of any length"]


def test_fitting_without_a_terminal_shows_all_of_it() -> None:
    assert fitting(lambda rows: f"{rows} rows", 8) == "8 rows"
