"""Work that is longer than its window: `hostkeeper status` says so, since nothing else will change."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from agent.engine.picture import look
from agent.engine.submit import submit
from agent.engine.unfitting import unfitting
from agent.model.policies import PolicySet, Position, Window
from agent.model.runs import Origin, RunState
from agent.store import Store
from tests.fakes import task

NIGHT = Window("night", "0 2 * * *", 3600.0, "UTC", Position("p", 1, 1))
POLICIES = PolicySet("d", 1, {"night": NIGHT}, {"long": task("long", window="night"), "free": task("free")}, {})
NOON = 1_800_014_400.0


def waiting(store: Store, name: str, takes: float, origin: Origin) -> None:
    """Let a run wait of a task whose last six took so many seconds."""
    for turn in range(7):
        at = NOON + turn * 2 * takes
        kind = origin if turn == 6 else Origin.MANUAL
        run = submit(store, POLICIES.tasks[name], policy="d", origin=kind, due=at, now=at)
        assert run is not None
        if turn < 6:
            store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=at, attempt=1)
            store.runs.advance(run.id, RunState.RUNNING, RunState.SUCCEEDED, ended=at + takes)


@pytest.mark.parametrize(
    ("name", "takes", "origin", "told"),
    [
        ("long", 3601.0, Origin.SCHEDULE, True),
        ("long", 3600.0, Origin.SCHEDULE, False),
        ("long", 3601.0, Origin.MANUAL, False),
        ("free", 9000.0, Origin.SCHEDULE, False),
    ],
)
def test_unfitting_names_the_run_that_no_opening_is_long_enough_for(
    tmp_path: Path, name: str, takes: float, origin: Origin, told: bool
) -> None:
    with Store(str(tmp_path)) as store:
        waiting(store, name, takes, origin)
        found = list(unfitting(store, POLICIES, UTC, store.runs.open(), NOON))
        assert bool(found) is told
        if told:
            assert found[0].startswith("long: run 7 takes 1h00m by its history, longer than window night is ever open")
            assert found[0] in look(store, POLICIES, UTC, 4, NOON).trouble
