"""What is remembered by name, asked for by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store import Store
from agent.store.records import Hold


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_hold_is_found_by_its_name_while_it_is_in_force_and_after_it(store: Store) -> None:
    store.holds.place("a", "breaker_open", "a ran twice", 1.0)
    store.holds.place("b", "breaker_open", "b ran twice", 2.0)
    assert store.holds.of("a") == Hold("a", "breaker_open", "a ran twice", 1.0, None)
    assert store.holds.of("c") is None
    assert store.holds.release("a", 3.0)
    assert store.holds.of("a") == Hold("a", "breaker_open", "a ran twice", 1.0, 3.0)
    assert [store.holds.is_held(name) for name in "abc"] == [False, True, False]
    assert not store.holds.release("a", 4.0)
    assert not store.holds.release("c", 4.0)


def test_state_of_a_condition_is_found_by_its_key(store: Store) -> None:
    store.conditions.set({"a": "1", "b": "2"})
    assert [store.conditions.get(key) for key in "abc"] == ["1", "2", None]
