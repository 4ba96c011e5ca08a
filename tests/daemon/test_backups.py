"""What is told of backups: of those that the tasks in force make, as the ledger has it, and anew when it changes."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from agent.daemon.backups import Backups
from agent.engine.backups import CREATES, MOST
from agent.metrics import Metrics
from agent.model.backups import Level, Verification
from agent.model.policies import PolicySet
from agent.store import Store
from tests.fakes import task
from tests.metrics.full import empty_metrics, numbers
from tests.store.test_ledger import FIRST, PROOF, SECOND

SAVE = 'hostkeeper_{}{{repository="local",task="save"}}'


@pytest.fixture
def metrics() -> Metrics:
    return empty_metrics()


def saving(*names: str, repository: str = "local") -> PolicySet:
    options = json.dumps({"repository": {"name": repository, "driver": "tar", "settings": {}}})
    tasks = [task("another"), *(task(name, action=CREATES, options=options) for name in names)]
    return PolicySet("d", 1, {}, {one.name: one for one in tasks}, {})


def shown(metrics: Metrics) -> dict[str, float]:
    return {name: value for name, value in numbers(metrics).items() if name.startswith("hostkeeper_backup")}


def test_task_that_has_made_no_backup_yet_has_none(store: Store, metrics: Metrics) -> None:
    Backups(store, metrics).put_in_force(saving("save"))
    assert shown(metrics) == {SAVE.format("backups"): 0, SAVE.format("backups_damaged"): 0}


def test_all_that_the_ledger_knows_of_a_task_is_told(store: Store, metrics: Metrics) -> None:
    for backup in (FIRST, SECOND):
        store.ledger.made(backup)
    store.ledger.proved(PROOF)
    at = PROOF.at + 5
    store.ledger.verified(
        Verification(repository="local", task="save", backup="b", at=at, deep=True, bytes=3, flaws=("torn",))
    )
    Backups(store, metrics).put_in_force(saving("save"))
    assert shown(metrics) == {
        **{
            SAVE.format(name): value
            for name, value in (
                ("backups", 2),
                ("backups_damaged", 1),
                ("backup_newest_timestamp_seconds", SECOND.began),
                ("backup_newest_read_bytes", 7),
                ("backup_newest_stored_bytes", 3),
                ("backup_newest_flaws", 0),
                ("backup_proven_timestamp_seconds", FIRST.began),
                ("backup_last_proof_timestamp_seconds", PROOF.at),
                ("backup_recovery_duration_seconds", PROOF.seconds),
                ("backup_last_deep_verification_timestamp_seconds", at),
                ("backup_deep_verified_ratio", 0.5),
            )
        },
        'hostkeeper_backup_newest_level{level="incremental",repository="local",task="save"}': 1,
    }


def test_proof_of_a_backup_that_was_found_damaged_since_is_not_told(store: Store, metrics: Metrics) -> None:
    store.ledger.made(FIRST)
    store.ledger.proved(PROOF)
    store.ledger.verified(
        Verification(repository="local", task="save", backup="a", at=PROOF.at + 5, deep=True, bytes=3, flaws=("torn",))
    )
    Backups(store, metrics).put_in_force(saving("save"))
    assert shown(metrics)[SAVE.format("backups_damaged")] == 1
    assert [name for name in shown(metrics) if "pro" in name.split("{")[0]] == []


def test_change_of_the_ledger_by_another_process_is_told_at_the_next_look(store: Store, metrics: Metrics) -> None:
    backups = Backups(store, metrics)
    backups.put_in_force(saving("save"))
    with Store(store.directory) as other:
        other.ledger.made(replace(FIRST, level=Level.FULL))
    assert shown(metrics)[SAVE.format("backups")] == 0
    backups.look()
    assert shown(metrics)[SAVE.format("backups")] == 1
    assert shown(metrics)[SAVE.format("backup_newest_flaws")] == 1


def test_series_of_a_task_that_went_or_moved_go(store: Store, metrics: Metrics) -> None:
    store.ledger.made(FIRST)
    backups = Backups(store, metrics)
    backups.put_in_force(saving("save"))
    backups.put_in_force(saving("save", repository="offsite"))
    assert {name for name in shown(metrics) if '"local"' in name} == set()
    backups.put_in_force(saving())
    assert shown(metrics) == {}


def test_very_many_tasks_are_not_all_told_of(store: Store, metrics: Metrics) -> None:
    Backups(store, metrics).put_in_force(saving(*(f"t{number}" for number in range(MOST + 5))))
    assert len(shown(metrics)) == 2 * MOST
