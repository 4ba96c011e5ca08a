"""What `hostkeeper status` says of backups."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.cli.status_command import screen
from agent.engine.in_force import in_force
from agent.engine.picture import Picture, look
from agent.model.backups import Verification
from agent.probes.catalogue import SIGNALS
from agent.store import Store
from tests.site.big import NOW, put_policies
from tests.site.test_backups import POLICY, SAVE
from tests.store.test_ledger import FIRST, PROOF, SECOND


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        put_policies(opened, {"p.yaml": POLICY + SAVE.format("save") + SAVE.format("unsaved")})
        yield opened


def picture(store: Store) -> Picture:
    return look(store, in_force(store, SIGNALS), UTC, 4, NOW)


def lines(store: Store) -> list[str]:
    return [" ".join(line.split()) for line in screen(picture(store), (), NOW, UTC).splitlines()]


def test_status_has_a_line_for_the_backups_of_each_task(store: Store) -> None:
    store.ledger.made(replace(FIRST, began=NOW - 90_000, flaws=()))
    store.ledger.made(replace(SECOND, began=NOW - 3600))
    store.ledger.proved(replace(PROOF, at=NOW - 1800))
    shown = lines(store)
    begin = shown.index("backups")
    assert shown[begin + 1 : begin + 4] == [
        "task repository kept newest proven flaws",
        "save local 2 1h00m ago (incremental) 30m00s ago none",
        "unsaved local 0 never never none",
    ]
    assert picture(store).trouble == ("the agent is not running",)


def test_damaged_and_flawed_backups_are_trouble(store: Store) -> None:
    store.ledger.made(replace(FIRST, began=NOW - 60))
    store.ledger.verified(
        Verification(repository="local", task="save", backup="a", at=NOW, deep=True, bytes=3, flaws=("torn",))
    )
    assert "save local 1 1m00s ago (full) never 1 missing from the newest, 1 damaged" in lines(store)
    assert picture(store).trouble[1:] == (
        "save: a backup is damaged in local; `hostkeeper backup list` names them",
        "save: something is missing from the newest backup in local",
    )


def test_status_without_tasks_that_make_backups_has_no_such_part(store: Store) -> None:
    put_policies(store, {"p.yaml": "version: 1\n"})
    assert "backups" not in lines(store)
