"""Durations, sizes and percentages: what is read, what is refused and with which advice, and the way back."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.rules.quantities import (
    LARGEST,
    LONGEST,
    PARSERS,
    QuantityError,
    format_duration,
    format_size,
    parse,
    parse_duration,
    parse_percent,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("3h", 10800),
        ("7d", 604800),
        ("2w", 1209600),
        ("1h30m", 5400),
        ("1d12h30m15s", 131415),
        ("0", 0),
        ("0s", 0),
        ("0.5s", 0.5),
        ("1.5h", 5400),
        ("0.000001s", 0.000001),
        ("007d", 604800),
        ("36600d", LONGEST),
    ],
)
def test_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("100", 100),
        ("100B", 100),
        ("10KiB", 10240),
        ("10MiB", 10 << 20),
        ("1.5GiB", 3 << 29),
        ("2TiB", 2 << 40),
        ("5KB", 5000),
        ("5MB", 5 * 10**6),
        ("5GB", 5 * 10**9),
        ("0.1TB", 10**11),
        ("1048576TiB", LARGEST),
    ],
)
def test_size_is_read_as_bytes(text: str, size: int) -> None:
    found = parse_size(text)
    assert found == size
    assert isinstance(found, int)


@pytest.mark.parametrize(("text", "value"), [("80", 80), ("80%", 80), ("12.5%", 12.5), ("0", 0), ("100", 100)])
def test_percentage_is_read_as_number(text: str, value: float) -> None:
    assert parse_percent(text) == value


NO_NUMBERS = [
    "",
    " ",
    "-1",
    "+1",
    "1_000",
    "1e3",
    "1e999",
    "inf",
    "nan",
    ".5",
    "5.",
    "0x10",
    "٣",
    "１",
    "1\n",
    "\x001",
    "1,5",
]


@pytest.mark.parametrize("kind", PARSERS)
@pytest.mark.parametrize("number", NO_NUMBERS)
@pytest.mark.parametrize("unit", ["", "d", "MiB", "%"])
def test_what_python_would_take_for_a_number_is_refused(kind: str, number: str, unit: str) -> None:
    with pytest.raises(QuantityError):
        parse(kind, f"{number}{unit}")


@pytest.mark.parametrize(
    ("kind", "text", "right"),
    [
        ("duration", "5", "add the unit: 5s, 5m, 5h or 5d"),
        ("duration", "5 minutes", "write 5m"),
        ("duration", "3 hours", "write 3h"),
        ("duration", "90sec", "write 90s"),
        ("duration", "7D", "write 7d"),
        ("duration", "2 weeks", "write 2w"),
        ("duration", "500ms", "write 0.5s"),
        ("duration", "30m1h", "write a duration such as 90s, 15m, 3h, 7d or 1h30m"),
        ("duration", "1h1h", "write a duration such as 90s, 15m, 3h, 7d or 1h30m"),
        ("duration", "5 parsecs", "write a duration such as 90s, 15m, 3h, 7d or 1h30m"),
        ("duration", "36601d", "write a shorter duration"),
        ("duration", "9" * 200 + "d", "write a duration such as 90s, 15m, 3h, 7d or 1h30m"),
        ("size", "10 MiB", "write 10MiB"),
        ("size", "10mib", "write 10MiB"),
        ("size", "5gb", "write 5GB"),
        ("size", "5M", "write 5MiB or 5MB"),
        ("size", "5 k", "write 5KiB or 5KB"),
        ("size", "lots", "write a size such as 10MiB, 5GB, or a plain number of bytes"),
        ("size", "1.5", "write a size such as 10MiB, 5GB, or a plain number of bytes"),
        ("size", "1048577TiB", "write a smaller size"),
        ("percent", "101", "write a percentage from 0 to 100, such as 80 or 80%"),
        ("percent", "half", "write a percentage from 0 to 100, such as 80 or 80%"),
    ],
)
def test_refusal_says_what_would_be_right(kind: str, text: str, right: str) -> None:
    with pytest.raises(QuantityError) as refused:
        parse(kind, text)
    assert refused.value.right == right
    assert str(refused.value) == f"{refused.value.wrong}: {right}"


def test_refusal_shows_long_text_short_and_in_ascii() -> None:
    with pytest.raises(QuantityError) as refused:
        parse_duration("ä" * 10_000)
    assert refused.value.wrong.isascii()
    assert len(refused.value.wrong) < 300


@given(st.floats(min_value=0, max_value=LONGEST))
def test_duration_written_and_read_is_the_same_to_the_microsecond(seconds: float) -> None:
    assert abs(parse_duration(format_duration(seconds)) - seconds) <= 1e-6


@given(st.integers(min_value=0, max_value=10**12))
def test_duration_of_whole_microseconds_is_written_and_read_exactly(micros: int) -> None:
    assert parse_duration(format_duration(micros / 1_000_000)) == micros / 1_000_000


@given(st.integers(min_value=0, max_value=LARGEST))
def test_size_written_and_read_is_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (90, "1m30s"), (604800, "1w"), (0.25, "0.25s"), (86461.5, "1d1m1.5s"), (59.9999999, "1m")],
)
def test_duration_is_written_short(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0"), (1, "1"), (1024, "1KiB"), (5 * 10**9, "5GB"), (10 << 20, "10MiB")]
)
def test_size_is_written_short(size: int, text: str) -> None:
    assert format_size(size) == text


UNITS = ["", "s", "m", "h", "d", "w", "B", "KiB", "MiB", "GB", "%", "ms", " minutes"]
TEXTS = st.one_of(
    st.text(max_size=40),
    st.builds("{}{}{}".format, st.integers(-5, 10**20), st.sampled_from(UNITS), st.text(max_size=3)),
    st.builds("{}{}".format, st.floats(), st.sampled_from(UNITS)),
)


@given(st.sampled_from(sorted(PARSERS)), TEXTS)
def test_any_text_is_a_finite_quantity_or_refused_with_advice(kind: str, text: str) -> None:
    try:
        value = parse(kind, text)
    except QuantityError as refused:
        advice = (refused.wrong, refused.right)
        assert all(advice)
    else:
        assert math.isfinite(value)
        assert value >= 0
