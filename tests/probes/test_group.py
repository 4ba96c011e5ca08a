"""Rates, bounds and files of the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.probes.group import MOST_SERIES, Meters, bounded, labelled, read_bytes


def meters() -> Meters:
    return Meters(labelled("x", "name", ("one", "two")))


def rates(meters: Meters, now: float, **counters: tuple[float, float]) -> dict[str, tuple[float, ...]]:
    told: dict[str, tuple[float, ...]] = {}
    for sample in meters.rates(list(counters), [number for row in counters.values() for number in row], now):
        name = sample.labels[0][1]
        assert sample.signal == ("x.two" if name in told else "x.one")
        told[name] = (*told.get(name, ()), sample.value)
    return told


def test_first_pass_has_no_rates() -> None:
    assert rates(meters(), 5.0, a=(1.0, 1.0)) == {}


def test_rate_is_the_increase_since_the_previous_pass() -> None:
    made = meters()
    rates(made, 5.0, a=(10.0, 0.0))
    assert rates(made, 9.0, a=(30.0, 1.0)) == {"a": (5.0, 0.25)}
    assert rates(made, 10.0, a=(30.0, 1.0)) == {"a": (0.0, 0.0)}


@pytest.mark.parametrize("later", [(9.0, 5.0), (11.0, 0.0)])
def test_counter_that_went_backwards_has_no_rate_until_the_next_pass(later: tuple[float, float]) -> None:
    made = meters()
    rates(made, 0.0, a=(10.0, 1.0), b=(0.0, 0.0))
    assert rates(made, 1.0, a=later, b=(1.0, 1.0)) == {"b": (1.0, 1.0)}
    assert rates(made, 2.0, a=later) == {"a": (0.0, 0.0)}


def test_series_that_is_new_has_no_rate() -> None:
    made = meters()
    rates(made, 0.0, a=(10.0, 0.0))
    rates(made, 1.0, b=(10.0, 0.0))
    assert rates(made, 2.0, a=(20.0, 0.0), b=(11.0, 0.0)) == {"b": (1.0, 0.0)}


def test_two_passes_at_one_instant_give_no_rate() -> None:
    made = meters()
    rates(made, 1.0, a=(10.0, 0.0))
    assert rates(made, 1.0, a=(20.0, 0.0)) == {}
    assert rates(made, 1.0, b=(20.0, 0.0)) == {}
    assert rates(made, 2.0, b=(21.0, 0.0)) == {"b": (1.0, 0.0)}


rows = st.dictionaries(st.sampled_from("abc"), st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=3)


@given(st.lists(st.tuples(st.sampled_from([0.0, 1.0, 2.5]), rows), min_size=2))
def test_rates_are_those_of_the_series_that_only_grew(passes: list[tuple[float, dict[str, tuple[int, int]]]]) -> None:
    made, now = meters(), 0.0
    before: dict[str, tuple[int, int]] = {}
    for seconds, counted in passes:
        now += seconds
        expected = {
            name: tuple((new - old) / seconds for new, old in zip(row, before[name], strict=True))
            for name, row in counted.items()
            if seconds > 0 and name in before and all(n >= o for n, o in zip(row, before[name], strict=True))
        }
        assert rates(made, now, **counted) == expected
        before = counted


def test_same_series_have_the_same_keys() -> None:
    made = meters()
    found = [made.rates(["a", "b"], [float(number)] * 4, float(number)).keys for number in range(4)]
    assert found[1] is found[2] is found[3]
    assert [key[0] for key in found[1]] == ["x.one", "x.two"] * 2


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


def test_file_is_read_whole_however_long_it_is(tmp_path: Path) -> None:
    path = tmp_path / "table"
    for size in (0, 1, 4096, 1 << 16, 200_000):
        path.write_bytes(b"x" * size)
        assert len(read_bytes(str(path))) == size
