"""A store, and benches for the tests of the policies in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from agent.daemon.compiler import COMMAND
from agent.host.notify import Notifier
from agent.store import Store
from tests.daemon.bench import Bench


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def one(
        command: Sequence[str] = COMMAND,
        fingerprint: str = "this agent",
        name: str = "policies",
        notifier: Notifier | None = None,
    ) -> Bench:
        """A bench on the same state; the one before it is closed, as a restart does."""
        if made:
            made.pop().close()
        made.append(Bench(tmp_path, command, fingerprint, name, notifier))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return make()
