"""What is kept of what was measured: all that is wanted, once, in order, and no more than so many series."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.daemon.recorder import FEW, LATE, Recorder
from agent.errors import StoreError
from agent.model.settings import SampleSettings
from agent.model.signals import Sample
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from agent.store import Store
from agent.store.blocks import Block
from agent.store.samples import DAY, FINE, Samples

T0 = 20_000 * DAY
CPU = ("cpu.used_percent", ())
KEEP = SampleSettings(raw=6 * 3600.0, kept=400 * DAY, series=300)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "s")) as made:
        made.connection.rows("PRAGMA synchronous = OFF")
        yield made


def of(name: str, *labels: tuple[str, str], value: float = 1.0) -> Sample:
    return Sample(name, labels, value)


def took(recorder: Recorder, start: float, count: int, every: float = 10.0) -> float:
    """Take so many samples of the processor, each with its place as its number; return the instant after the last."""
    for place in range(count):
        recorder.take("", start + every * place, [of(CPU[0], value=place)])
    return start + every * count


def test_what_was_told_is_kept_at_the_next_five_minutes_and_at_the_end(store: Store) -> None:
    recorder = Recorder(store, KEEP)
    end = took(recorder, T0, 30)
    assert store.samples.series() == []
    end = took(recorder, end, 5)
    assert list(store.samples.read(CPU, T0, end).mean) == list(range(30))
    recorder.flush(end)
    assert list(store.samples.read(CPU, T0, end).mean) == [*range(30), *range(5)]


def test_only_what_is_wanted_is_kept_and_of_a_small_probe_everything(store: Store) -> None:
    recorder = Recorder(store, KEEP)
    recorder.want(["uptime.seconds", "big.value"])
    recorder.take("", T0, [of("uptime.seconds"), of("memory.total_bytes"), of("disk.inodes_used_percent")])
    recorder.take("home", T0 + 1, [of("home.latency_seconds"), of("home.up")])
    recorder.take("big", T0 + 2, [of("big.value"), *(of("big.more", ("n", str(n))) for n in range(FEW))])
    recorder.flush(T0 + 3)
    kept = {signal for signal, _ in store.samples.series()}
    assert kept == {"uptime.seconds", "disk.inodes_used_percent", "home.latency_seconds", "home.up", "big.value"}


def test_series_that_comes_and_goes_has_numbers_where_it_was_told(store: Store) -> None:
    recorder = Recorder(store, KEEP)
    swap = ("swap.used_percent", ())
    recorder.take("", T0, [of(CPU[0])])
    recorder.take("", T0 + 10, [of(CPU[0]), of(swap[0], value=2.0)])
    recorder.take("", T0 + 20, [of(swap[0], value=3.0)])
    recorder.flush(T0 + 30)
    assert list(store.samples.read(CPU, T0, T0 + 60).times) == [T0, T0 + 10]
    assert list(store.samples.read(swap, T0, T0 + 60).mean) == [2.0, 3.0]


@settings(max_examples=12)
@given(st.lists(st.tuples(st.integers(1, 40), st.floats(-2000, 2000)), max_size=12))
def test_clock_that_steps_makes_no_instant_twice_and_none_out_of_order(steps: list[tuple[int, float]]) -> None:
    written: list[float] = []

    class Heard(Samples):
        def write(self, blocks: Sequence[Block]) -> None:
            for block in blocks:
                written.extend(block.times)

    with tempfile.TemporaryDirectory() as place, Store(place) as store:
        store.connection.rows("PRAGMA synchronous = OFF")
        store.samples = Heard(store.connection)
        recorder, now = Recorder(store, KEEP), T0
        for count, step in steps:
            now = took(recorder, now, count) + step
        recorder.flush(now)
    assert written == sorted(set(written))


def test_clock_that_was_ahead_costs_what_it_showed_once_it_is_believed(store: Store) -> None:
    recorder = Recorder(store, KEEP)
    end = took(recorder, T0, 30)
    took(recorder, end + 40 * DAY, 35)
    now = took(recorder, end, 12)
    assert store.samples.last() > now
    recorder.tidy(now)
    now = took(recorder, now, 12)
    recorder.flush(now)
    points = store.samples.read(CPU, T0, now + 100 * DAY)
    assert list(points.mean) == [14.5, *range(12)]
    assert list(points.counts) == [30, *[1] * 12]


def test_agent_that_starts_anew_goes_on_after_what_is_kept(store: Store) -> None:
    first = Recorder(store, KEEP)
    first.flush(took(first, T0, 20))
    second = Recorder(store, KEEP)
    end = took(second, T0 + 100, 20)
    second.flush(end)
    points = store.samples.read(CPU, T0, end)
    assert list(points.times) == [T0 + 10 * place for place in range(30)]
    assert list(points.mean) == [*range(20), *range(10, 20)]


def test_series_beyond_the_most_wait_for_one_that_fell_silent(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    recorder = Recorder(store, SampleSettings(raw=6 * 3600.0, kept=400 * DAY, series=3))
    for place, name in enumerate("abcd"):
        recorder.take("p", T0 + place, [of(f"p.{name}")])
    recorder.flush(T0 + 10)
    assert [signal for signal, _ in store.samples.series()] == ["p.a", "p.b", "p.c"]
    assert caplog.text.count("more than 3 series") == 1
    for day in range(1, 4):
        recorder.take("p", T0 + day * DAY, [of("p.a"), of("p.c"), of("p.d")])
    recorder.flush(T0 + 4 * DAY)
    assert [signal for signal, _ in store.samples.series()] == ["p.a", "p.c", "p.d"]


def test_nothing_is_kept_where_samples_are_kept_for_no_time(store: Store) -> None:
    took(Recorder(store, KEEP), T0, 40)
    recorder = Recorder(store, SampleSettings(raw=0.0, kept=0.0, series=300))
    recorder.flush(took(recorder, T0 + DAY, 40))
    assert store.samples.last() < T0 + DAY
    recorder.tidy(T0 + DAY)
    assert store.samples.last() == 0.0


def test_store_that_takes_nothing_is_tried_again_until_it_is_too_late(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    class Full(Samples):
        full = True

        def write(self, blocks: Sequence[Block]) -> None:
            if self.full:
                raise StoreError("the disk is full")
            super().write(blocks)

    store.samples = full = Full(store.connection)
    recorder = Recorder(store, KEEP)
    end = took(recorder, T0, 40)
    full.full = False
    recorder.flush(end)
    assert list(store.samples.read(CPU, T0, end).mean) == list(range(40))
    full.full = True
    took(recorder, end + FINE, int(LATE / 10) + 80)
    assert "are given up" in caplog.text
    assert sum(len(buffer.times) for buffer in recorder._buffers.values()) < LATE / 10


def test_what_thresholds_and_forecasts_name_is_kept(store: Store, tmp_path: Path) -> None:
    text = """version: 1
thresholds: {hot: {signal: temperature.celsius, above: 80}}
tasks: {ahead: {schedule: "@daily", action: capacity.forecast, with: {signals: [{signal: disk.free_bytes, limit: 0}]}}}
"""
    (tmp_path / "p").mkdir(mode=0o700)
    (tmp_path / "p" / "a.yaml").write_text(text)
    recorder = Recorder(store, KEEP)
    recorder.put_in_force(load(str(tmp_path / "p"), SIGNALS, names(), root=False))
    recorder.take("", T0, [of("temperature.celsius"), of("disk.free_bytes"), of("memory.total_bytes")])
    recorder.flush(T0)
    assert [signal for signal, _ in store.samples.series()] == ["disk.free_bytes", "temperature.celsius"]
