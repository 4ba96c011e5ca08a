from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CollectorRegistry, GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from agent.model.signals import Sample
from agent.rules.exposition import BadText, number_of, parse


class Collected:
    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> list[GaugeMetricFamily]:
        return self._families


LABELS = st.dictionaries(st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True), st.text(max_size=8), max_size=3)


@given(st.lists(st.tuples(LABELS, st.floats(allow_infinity=False)), max_size=6))
def test_exposition_written_by_the_client_library_is_read_as_it_was_meant(
    rows: list[tuple[dict[str, str], float]],
) -> None:
    family = GaugeMetricFamily("jobs", 'how many \\ "jobs"\nthere are')
    wanted = {tuple(sorted(labels.items())): value for labels, value in rows}
    for labels, value in wanted.items():
        family.add_sample("jobs", dict(labels), value)
    registry = CollectorRegistry()
    registry.register(Collected([family]))
    found = parse(generate_latest(registry).decode(), 100)
    assert found == [Sample("jobs", key, value) for key, value in wanted.items() if not math.isnan(value)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("jobs 1", "the last line has no end"),
        ("jobs\n", "has no number"),
        ("jobs 1 1700000000000\n", "has a timestamp"),
        ("jobs one\n", "is no number"),
        ("jobs 1_000\n", "is no number"),
        ("jobs \u0661\n", "is no number"),
        ("jobs +Inf\n", "no number that can be compared"),
        ("1jobs 1\n", "no name"),
        ("jobs 1\njobs 2\n", "line 2: jobs is there twice"),
        ('jobs{a="1",a="2"} 1\n', "a twice"),
        ('jobs{a="1} 1\n', "labels"),
        ("jobs{a=1} 1\n", "labels"),
        ('jobs{a="1" b="2"} 1\n', "labels"),
        ('jobs{a="1"\n', "labels"),
        ("up 1\n", "what the probe says of itself"),
        ("<html>\n", "no name"),
        ("a 1\nb 1\nc 1\nd 1\n", "more than 3 samples"),
    ],
)
def test_exposition_that_is_none_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadText, match=why):
        parse(text, 3)


@pytest.mark.parametrize("text", ["", "# HELP a b\n# TYPE a gauge\n", "\n\n", "jobs NaN\n"])
def test_exposition_without_numbers_is_no_data(text: str) -> None:
    assert parse(text, 3) == []


@pytest.mark.parametrize(
    ("word", "value"), [("3", 3.0), ("-1.5e3", -1500.0), ("0x10", None), ("", None), ("1e999", None)]
)
def test_number_of_a_word_is_a_finite_number_or_none(word: str, value: float | None) -> None:
    if value is None:
        with pytest.raises(BadText):
            number_of(word)
    else:
        assert number_of(word) == value


@given(st.text(max_size=60))
def test_exposition_of_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(BadText):
        parse(f"{text}\n", 3)
