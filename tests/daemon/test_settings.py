from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.daemon.settings import settings_of
from agent.engine.in_force import SETTINGS
from agent.errors import PolicyError
from agent.model.settings import Settings
from agent.policy.settings import default_settings
from agent.store import Store


@pytest.fixture
def path() -> Iterator[Path]:
    """Where a settings file may be put: every directory above is root's alone."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place:
        yield Path(place) / "agent.yaml"


def write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o600)


def settings(store: Store, path: Path, *, required: bool = True, fingerprint: str = "this agent") -> Settings:
    return settings_of(store, str(path), fingerprint, required=required)


def test_settings_without_a_file_are_the_defaults_unless_one_was_named(store: Store, path: Path) -> None:
    assert settings(store, path, required=False) == default_settings()
    with pytest.raises(PolicyError, match=f"{path}:0:0: cannot be read: No such file or directory: name it"):
        settings(store, path)


def test_settings_are_read_once_and_then_known_until_the_file_changes(store: Store, path: Path) -> None:
    write(path, "concurrency: 7\n")
    assert settings(store, path).concurrency == 7
    kept = store.facts.get(SETTINGS)
    assert isinstance(kept, dict)
    # What is known shows in the store alone.
    store.facts.set(SETTINGS, {**kept, "values": {**kept["values"], "concurrency": 9}})
    assert settings(store, path).concurrency == 9
    write(path, "concurrency: 8\n")
    assert settings(store, path).concurrency == 8
    assert settings(store, path).concurrency == 8


def test_settings_of_another_agent_are_read_anew(store: Store, path: Path) -> None:
    write(path, "concurrency: 7\n")
    settings(store, path)
    kept = store.facts.get(SETTINGS)
    assert isinstance(kept, dict)
    store.facts.set(SETTINGS, {**kept, "values": {}})
    assert settings(store, path, fingerprint="another agent").concurrency == 7


def test_settings_with_mistakes_tell_every_one_with_its_place(store: Store, path: Path) -> None:
    write(path, "concurency: 7\ngrace: soon\n")
    with pytest.raises(PolicyError) as raised:
        settings(store, path)
    assert [(mistake.line, mistake.column) for mistake in raised.value.mistakes] == [(1, 1), (2, 8)]
    assert "did you mean concurrency?" in str(raised.value)
    assert store.facts.get(SETTINGS) is None


def test_settings_being_written_are_not_taken(store: Store, path: Path) -> None:
    write(path, "concurrency: 7\n")
    with path.open("a"), pytest.raises(PolicyError, match="is being written: start again when it is complete"):
        settings(store, path)
    assert settings(store, path).concurrency == 7


def test_settings_link_to_nowhere_is_told(store: Store, path: Path) -> None:
    path.symlink_to("nowhere.yaml")
    with pytest.raises(PolicyError, match="cannot be read: No such file"):
        settings(store, path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["fifo", "directory"])
def test_settings_that_are_no_file_are_told(store: Store, path: Path, make: object) -> None:
    assert callable(make)
    make(path, 0o700)
    with pytest.raises(PolicyError, match="not a regular file"):
        settings(store, path)


@pytest.mark.root
def test_settings_in_a_directory_that_others_may_change_are_refused_though_known(store: Store, path: Path) -> None:
    write(path, "concurrency: 7\n")
    settings(store, path)
    path.parent.chmod(0o777)
    with pytest.raises(PolicyError, match="can be written by everybody: run: chmod go-w"):
        settings(store, path)
    path.parent.chmod(0o700)
    assert settings(store, path).concurrency == 7
