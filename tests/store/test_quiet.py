"""A store that nobody writes to is known as such, and one that anybody has written to never is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store import Store
from agent.store.quiet import BELIEVED_SECONDS, SETTLED_SECONDS, Quiet


class Seconds:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "s")) as made:
        made.connection.rows("PRAGMA synchronous = OFF")
        yield made


def settled(store: Store) -> tuple[Quiet, Seconds]:
    seconds = Seconds()
    log = f"{store.connection.path}-wal"
    os.utime(log, (1e9, 1e9))  # written long ago: a file's time does not tell two writes of one tick apart
    quiet = Quiet(log, seconds)
    assert not quiet.holds()
    seconds.now += SETTLED_SECONDS + 1
    assert quiet.holds()
    return quiet, seconds


def test_quiet_just_after_a_write_does_not_hold(store: Store) -> None:
    seconds = Seconds()
    quiet = Quiet(f"{store.connection.path}-wal", seconds)
    assert not quiet.holds()
    seconds.now += SETTLED_SECONDS / 2  # the transaction may be on its way to the disk
    assert not quiet.holds()


@pytest.mark.parametrize("by_another", [False, True])
def test_quiet_after_any_write_does_not_hold(store: Store, by_another: bool) -> None:
    quiet, seconds = settled(store)
    with Store(store.directory) as another:
        (another if by_another else store).facts.set("a", 1)
    assert not quiet.holds()
    seconds.now += SETTLED_SECONDS + 1
    assert quiet.holds()


def test_quiet_after_a_write_to_a_log_begun_anew_does_not_hold(store: Store) -> None:
    store.facts.set("a", 1)
    quiet, seconds = settled(store)
    store.connection.checkpoint()
    store.facts.set("a", 2)
    assert not quiet.holds()
    seconds.now += SETTLED_SECONDS + 1
    assert quiet.holds()


def test_quiet_without_a_log_never_holds(tmp_path: Path) -> None:
    seconds = Seconds()
    quiet = Quiet(str(tmp_path / "none"), seconds)
    for _ in range(3):
        assert not quiet.holds()
        seconds.now += SETTLED_SECONDS + 1


def test_quiet_for_long_is_asked_of_again(store: Store) -> None:
    quiet, seconds = settled(store)
    seconds.now += BELIEVED_SECONDS
    assert not quiet.holds()
    seconds.now += 1
    assert quiet.holds()


def test_mark_changes_with_what_others_write(store: Store) -> None:
    before = store.connection.mark()
    assert store.connection.mark() == before
    with Store(store.directory) as another:
        another.facts.set("a", 1)
    others, own = store.connection.mark()
    assert others != before[0]
    assert own == before[1]
