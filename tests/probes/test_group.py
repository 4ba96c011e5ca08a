"""Rates, bounds and files of the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.samples import Samples
from agent.probes.group import MOST_SERIES, Meters, Rates, bounded, labelled, read_bytes


def test_first_pass_has_no_rates() -> None:
    assert Rates[str]().per_second({"a": (1.0,)}, 5.0) == {}


def test_rate_is_the_increase_since_the_previous_pass() -> None:
    rates = Rates[str]()
    rates.per_second({"a": (10.0, 0.0)}, 5.0)
    assert rates.per_second({"a": (30.0, 1.0)}, 9.0) == {"a": (5.0, 0.25)}
    assert rates.per_second({"a": (30.0, 1.0)}, 10.0) == {"a": (0.0, 0.0)}


@pytest.mark.parametrize("later", [(9.0, 5.0), (11.0, 0.0)])
def test_counter_that_went_backwards_has_no_rate_until_the_next_pass(later: tuple[float, float]) -> None:
    rates = Rates[str]()
    rates.per_second({"a": (10.0, 1.0), "b": (0.0, 0.0)}, 0.0)
    assert rates.per_second({"a": later, "b": (1.0, 1.0)}, 1.0) == {"b": (1.0, 1.0)}
    assert rates.per_second({"a": later}, 2.0) == {"a": (0.0, 0.0)}


def test_series_that_is_new_has_no_rate() -> None:
    rates = Rates[str]()
    rates.per_second({"a": (10.0,)}, 0.0)
    rates.per_second({"b": (10.0,)}, 1.0)
    assert rates.per_second({"a": (20.0,), "b": (11.0,)}, 2.0) == {"b": (1.0,)}


def test_two_passes_at_one_instant_give_no_rate() -> None:
    rates = Rates[str]()
    rates.per_second({"a": (10.0,)}, 1.0)
    assert rates.per_second({"a": (20.0,)}, 1.0) == {}


@given(st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 10**12)), min_size=2))
def test_rates_are_never_negative(steps: list[tuple[float, int]]) -> None:
    rates, now = Rates[str](), 0.0
    for seconds, counter in steps:
        now += seconds
        assert all(rate >= 0 for (rate,) in rates.per_second({"a": (float(counter),)}, now).values())


def test_series_are_bounded_and_those_asked_for_go_first() -> None:
    found = [f"veth{number:04}" for number in range(MOST_SERIES + 10)]
    names, error = bounded(found, frozenset({"veth0070"}), "network interfaces")
    assert len(names) == MOST_SERIES
    assert names[:2] == ["veth0070", "veth0000"]
    assert error == f"{MOST_SERIES + 10} network interfaces found, only {MOST_SERIES} measured"
    assert bounded(["b", "a"], frozenset(), "x") == (["a", "b"], "")


def test_series_are_named_by_group_label_and_name() -> None:
    assert labelled("disk_io", "device", ("a", "b"))("vda") == (
        ("disk_io.a", (("device", "vda"),)),
        ("disk_io.b", (("device", "vda"),)),
    )


rows = st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 9), st.integers(0, 9)))


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.5]), rows)))
def test_meters_tell_what_rates_are_told_with_the_same_keys_while_the_same_is_counted(
    passes: list[tuple[float, dict[str, tuple[int, int]]]],
) -> None:
    rates, meters, now = Rates[str](), Meters(labelled("x", "name", ("one", "two"))), 0.0
    before: tuple[list[str], Samples] | None = None
    for seconds, counted in passes:
        now += seconds
        found = meters.rates(list(counted), [float(number) for row in counted.values() for number in row], now)
        due = rates.per_second({name: tuple(map(float, row)) for name, row in counted.items()}, now)
        expected = {name: dict(zip(("x.one", "x.two"), row, strict=True)) for name, row in due.items()}
        told: dict[str, dict[str, float]] = {}
        for sample in found:
            told.setdefault(sample.labels[0][1], {})[sample.signal] = sample.value
        assert told == expected
        if before is not None and before[0] == list(counted) and len(before[1]) == len(found) == 2 * len(counted):
            assert found.keys is before[1].keys or not counted
        before = (list(counted), found)


def test_file_is_read_whole_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "table"
    for size in (0, 1, 4096, 1 << 16, 200_000):
        path.write_bytes(b"x" * size)
        assert len(read_bytes(str(path))) == size
