"""Stores that pages are drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.engine.in_force import in_force
from agent.probes.catalogue import SIGNALS
from agent.store import Store
from tests.site.big import policy_text, put_policies, put_runs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that is empty."""
    with Store(str(tmp_path / "state")) as opened:
        yield opened


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with 1,000 tasks and 10,000 runs."""
    with Store(str(tmp_path_factory.mktemp("big") / "state")) as opened:
        put_policies(opened, {"big.yaml": policy_text(1000)})
        put_runs(opened, in_force(opened, SIGNALS).tasks, 10_000)
        yield opened


@pytest.fixture(scope="module")
def full_week(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store with as many tasks as there can be while the calendar still shows a week."""
    with Store(str(tmp_path_factory.mktemp("week") / "state")) as opened:
        put_policies(opened, {"big.yaml": policy_text(300)})
        yield opened
