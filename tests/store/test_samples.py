"""Samples: nothing lost or twice while they grow coarser, bounded in size, and damage that stays where it is."""

from __future__ import annotations

import math
import random
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.store import Store
from agent.store.blocks import Block
from agent.store.samples import COARSE, DAY, FINE, FINE_KEPT, TOLD_AT_MOST, Samples

HOUR = 3600.0
T0 = 20_000 * DAY
CPU = ("cpu.used_percent", ())
ROOT = ("disk.used_percent", (("mountpoint", "/"),))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "s")) as made:
        made.connection.rows("PRAGMA synchronous = OFF")
        yield made


def write(samples: Samples, start: float, numbers: list[float], every: float = 10.0, key: object = CPU) -> None:
    number = samples.add(key, start)  # type: ignore[arg-type]  # the keys above
    times = array("d", [start + every * place for place in range(len(numbers))])
    samples.write([Block(times, {number: array("d", numbers)})])


def thin(samples: Samples, now: float, raw: float = 6 * HOUR, kept: float = 400 * DAY) -> None:
    while samples.fold(now, raw) or samples.forget_before(now - kept):
        pass


def test_samples_come_back_as_they_were(store: Store) -> None:
    write(store.samples, T0, [1.5, 2.5, math.nan, 4.5])
    points = store.samples.read(CPU, T0, T0 + 100)
    assert list(points.mean) == list(points.low) == list(points.high) == [1.5, 2.5, 4.5]
    assert list(points.times) == [T0, T0 + 10, T0 + 30]
    assert set(points.steps) == {0}
    assert list(store.samples.read(ROOT, T0, T0 + 100).times) == []
    assert store.samples.series() == [CPU]


def test_samples_grown_old_are_of_five_minutes_then_of_an_hour_and_none_is_lost(store: Store) -> None:
    for part in range(18 * 24):
        write(store.samples, T0 + part * HOUR, [float(part), part + 1.0, part + 2.0] * 4, 300)
    now = T0 + 18 * DAY
    thin(store.samples, now)
    points = store.samples.read(CPU, T0, now)
    assert sum(points.counts) == 18 * 24 * 12
    assert list(points.times) == sorted(set(points.times))
    hours = [place for place, step in enumerate(points.steps) if step == COARSE]
    assert (points.low[hours[5]], points.mean[hours[5]], points.high[hours[5]]) == (5, 6, 7)
    assert len(hours) == 3 * 24
    assert points.times[-1] == T0 + 18 * DAY - 300
    raw = [points.times[place] for place, step in enumerate(points.steps) if step == 0]
    assert now - 8 * HOUR <= min(raw) <= now - 6 * HOUR
    assert {step for time, step in zip(points.times, points.steps, strict=True) if time < min(raw)} == {FINE, COARSE}


@settings(max_examples=20)
@given(st.lists(st.floats(-100, 100), min_size=1, max_size=60), st.integers(1, 900))
def test_folded_numbers_have_the_extremes_and_the_mean_of_all(numbers: list[float], every: int) -> None:
    with tempfile.TemporaryDirectory() as place, Store(place) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        write(store.samples, T0, numbers, every)
        thin(store.samples, T0 + 40 * DAY)
        points = store.samples.read(CPU, T0 - DAY, T0 + DAY)
        assert sum(points.counts) == len(numbers)
        assert min(points.low) == pytest.approx(min(numbers), rel=1e-6)
        assert max(points.high) == pytest.approx(max(numbers), rel=1e-6)
        total = sum(mean * count for mean, count in zip(points.mean, points.counts, strict=True))
        assert total / len(numbers) == pytest.approx(sum(numbers) / len(numbers), rel=1e-5, abs=1e-5)


def test_year_of_a_series_takes_no_more_than_is_stated(store: Store) -> None:
    """Of noise, which nothing can pack: `docs/how-to/capacity.md` has the figure."""
    draw, count = random.Random(1), 20
    numbers = [store.samples.add(("noise.value", (("of", str(place)),)), T0) for place in range(count)]

    def size(step: int) -> float:
        ((found,),) = store.connection.rows("SELECT total(length(body)) FROM samples WHERE step = ?", (step,))
        return float(found or 0) / count

    for row in range(round(DAY / FINE)):
        times = array("d", [T0 + row * FINE + 10.0 * place for place in range(FINE // 10)])
        columns = {number: array("d", [draw.uniform(0, 100) for _ in times]) for number in numbers}
        store.samples.write([Block(times, columns)])
    raw = size(0) / 4
    thin(store.samples, T0 + DAY + 8 * HOUR)
    fine = size(FINE) * FINE_KEPT / DAY
    thin(store.samples, T0 + 2 * DAY + FINE_KEPT)
    coarse = size(COARSE) * 365
    assert (size(0), size(FINE)) == (0, 0)
    assert raw < 8_000
    assert fine < 46_000
    assert coarse < 90_000
    assert raw + fine + coarse < 140_000


def test_samples_older_than_they_are_kept_go_with_their_series(store: Store) -> None:
    write(store.samples, T0, [1.0] * 5)
    write(store.samples, T0 + 5 * DAY, [2.0] * 5, key=ROOT)
    thin(store.samples, T0 + 8 * DAY, kept=5 * DAY)
    assert store.samples.series() == [ROOT]
    assert store.connection.rows("SELECT count(*) FROM samples") == [(1,)]
    thin(store.samples, T0 + 9 * DAY, kept=0)
    assert store.connection.rows("SELECT count(*) FROM samples") == [(0,)]


def test_damaged_row_costs_its_own_stretch_alone(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    for part in range(3):
        write(store.samples, T0 + part * 300, [float(part)] * 30)
    store.connection.rows_with_bytes(
        "UPDATE samples SET body = substr(body, 1, 40) || zeroblob(9) WHERE start = ?", (T0 + 300,)
    )
    points = store.samples.read(CPU, T0, T0 + 900)
    assert points.damaged == 1
    assert sorted(set(points.mean)) == [0.0, 2.0]
    thin(store.samples, T0 + DAY)
    points = store.samples.read(CPU, T0, T0 + 900)
    assert (points.damaged, list(points.mean)) == (0, [0.0, 2.0])
    assert "are lost" in caplog.text


def test_damaged_rows_are_told_of_once_however_often_they_are_read(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    for part in range(12):
        write(store.samples, T0 + part * 300, [float(part)] * 30)
    store.connection.rows("UPDATE samples SET body = 'text'")
    for _ in range(3):
        assert store.samples.read(CPU, T0, T0 + 3600).damaged == 12
    assert len(caplog.messages) == TOLD_AT_MOST
    assert caplog.messages[-1].endswith("more such rows are not named")


def test_damaged_beginning_of_a_row_keeps_no_other_from_its_turn(store: Store) -> None:
    for part in range(2):
        write(store.samples, T0 + part * 300, [1.0] * 30)
    store.connection.rows("UPDATE samples SET start = -1e300 WHERE start = ?", (T0,))
    thin(store.samples, T0 + DAY)
    assert store.connection.rows("SELECT step FROM samples WHERE start > 0") == [(300,)]


def test_damaged_name_of_a_series_costs_that_series_alone(store: Store) -> None:
    write(store.samples, T0, [1.0])
    write(store.samples, T0 + 300, [2.0], key=ROOT)
    store.connection.rows("UPDATE series SET signal = 'cpu.used_percenT' WHERE signal = 'cpu.used_percent'")
    assert store.samples.series() == [ROOT]
    write(store.samples, T0 + 600, [3.0])
    assert list(store.samples.read(CPU, T0, T0 + 900).mean) == [3.0]


@pytest.mark.parametrize(
    ("age", "expected"), [(0.0, 2.0), (5.0, 1.0), (10.0, 1.0), (-250.0, 2.0), (-400.0, None), (40.0, None)]
)
def test_value_at_an_instant_is_the_last_one_of_five_minutes(store: Store, age: float, expected: float | None) -> None:
    write(store.samples, T0, [1.0, 2.0])
    assert store.samples.value(CPU, T0 + 10 - age) == expected
    assert store.samples.value(ROOT, T0) is None


@pytest.mark.parametrize("days", [1, 7, 30])
def test_value_of_a_coarse_stretch_is_its_mean(store: Store, days: int) -> None:
    write(store.samples, T0, [1.0, 3.0] * 180)
    thin(store.samples, T0 + days * DAY)
    assert store.samples.value(CPU, T0 + 1800) == 2.0
    assert store.samples.value(CPU, T0 + 2 * HOUR) is None


def test_samples_of_a_time_to_come_are_forgotten(store: Store) -> None:
    write(store.samples, T0, [1.0, 2.0])
    write(store.samples, T0 + 40 * DAY, [3.0])
    assert store.samples.last() == T0 + 40 * DAY
    assert store.samples.forget_after(T0 + 60) == 1
    assert store.samples.last() == T0 + 10
    assert FINE_KEPT > 14 * DAY
