from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from agent.errors import StoreError
from agent.model.backups import Backup, Level, Part, Proof, Verification
from agent.store import Store
from agent.store.connection import DATABASE_NAME
from agent.store.ledger import MOST
from agent.store.tables import MIGRATIONS
from tests.fakes import FakeLedger

BEGAN = 1_772_366_400.0
PART = Part(
    kind="postgresql",
    name="shop",
    form="pg_dump custom",
    bytes=7,
    stored=3,
    counts={"orders": 5},
    bounds={"log": (1, 2)},
    facts={"version": "15.4"},
)
FIRST = Backup(
    id="a",
    repository="local",
    host="host",
    task="save",
    level=Level.FULL,
    parent="",
    began=BEGAN,
    ended=BEGAN + 60.5,
    parts=(PART,),
    files=0,
    flaws=("größe is missing",),
)
SECOND = replace(FIRST, id="b", level=Level.INCREMENTAL, parent="a", began=BEGAN + 3600, flaws=())
PROOF = Proof(
    repository="local", task="save", backup="a", at=BEGAN + 100, seconds=2.5, bytes=10, checks={"files compared": 4}
)
VERIFICATION = Verification(repository="local", task="save", backup="a", at=BEGAN + 200, deep=False, bytes=3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(str(tmp_path / "state")) as opened:
        yield opened


def test_backup_that_was_made_is_known_as_it_was_made_oldest_first(store: Store) -> None:
    for backup in (SECOND, FIRST, replace(FIRST, task="other", id="c"), replace(FIRST, repository="other")):
        store.ledger.made(backup)
    assert store.ledger.known("local", "save") == (FIRST, SECOND)
    assert store.ledger.known("other", "save") == (replace(FIRST, repository="other"),)
    assert store.ledger.known("local", "nothing") == ()


def test_backup_that_is_removed_is_forgotten_with_what_is_known_of_it(store: Store) -> None:
    for backup in (FIRST, SECOND, replace(FIRST, repository="other")):
        store.ledger.made(backup)
    store.ledger.proved(PROOF)
    store.ledger.verified(VERIFICATION)
    store.ledger.removed("local", ["a", "never made"])
    store.ledger.removed("local", [])
    assert store.ledger.known("local", "save") == (SECOND,)
    assert store.ledger.proofs("local") == {}
    assert store.ledger.verifications("local") == {}
    assert store.ledger.known("other", "save")


def test_newest_proof_of_a_backup_counts(store: Store) -> None:
    newer = replace(PROOF, at=PROOF.at + 1, seconds=9.0)
    for proof in (PROOF, newer, replace(PROOF, backup="b")):
        store.ledger.proved(proof)
    assert store.ledger.proofs("local") == {"a": newer, "b": replace(PROOF, backup="b")}
    assert store.ledger.proofs("other") == {}


def test_verifications_are_as_the_fake_ledger_has_them_in_whatever_order(store: Store) -> None:
    fake = FakeLedger()
    looks = [(False, ()), (True, ()), (False, ()), (False, ("torn",)), (False, ()), (True, ()), (True, ("torn",))]
    for number, (deep, flaws) in enumerate(looks):
        found = replace(VERIFICATION, at=BEGAN + number, deep=deep, flaws=flaws)
        store.ledger.verified(found)
        fake.verified(found)
        assert store.ledger.verifications("local") == fake.verifications("local")


def test_series_hold_all_that_is_known_of_a_task_in_a_repository(store: Store) -> None:
    store.ledger.made(FIRST)
    store.ledger.made(replace(SECOND, repository="other"))
    store.ledger.proved(PROOF)
    store.ledger.verified(VERIFICATION)
    here, there = store.ledger.series(10)
    assert (here.repository, here.task, here.backups) == ("local", "save", (FIRST,))
    assert (here.proofs, here.verifications) == ({"a": PROOF}, {"a": VERIFICATION})
    assert (there.repository, there.proofs, there.verifications) == ("other", {}, {})
    assert store.ledger.series(1) == [here]


def test_ledger_of_a_series_keeps_the_newest_and_no_more(store: Store) -> None:
    with store.transaction():
        for number in range(MOST + 3):
            store.ledger.made(replace(FIRST, id=f"{number:04}", began=BEGAN + number))
            store.ledger.proved(replace(PROOF, backup=f"{number:04}", at=BEGAN + number))
            store.ledger.verified(replace(VERIFICATION, backup=f"{number:04}", at=BEGAN + number))
        store.ledger.made(replace(FIRST, task="other", id="x"))
    known = store.ledger.known("local", "save")
    assert (len(known), known[0].id) == (MOST, "0003")
    assert len(store.ledger.proofs("local")) == len(store.ledger.verifications("local")) == MOST
    assert store.ledger.known("local", "other")


@pytest.mark.parametrize("table", ["backups", "proofs", "verifications"])
def test_row_that_was_edited_is_refused(table: str, store: Store) -> None:
    store.ledger.made(FIRST)
    store.ledger.proved(PROOF)
    store.ledger.verified(VERIFICATION)
    store.close()
    path = Path(store.directory)
    with apsw.Connection(str(path / DATABASE_NAME)) as raw:
        raw.execute(f"UPDATE {table} SET body = replace(body, 'save', 'sold')")
    raw.close()
    with Store(str(path)) as again, pytest.raises(StoreError, match=f"row 'a' of table {table}"):
        again.ledger.series(10)


def test_store_of_an_earlier_version_gets_a_ledger(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Store(str(state)) as store:
        store.facts.set("kept", 1)
    with apsw.Connection(str(state / DATABASE_NAME)) as raw:
        raw.execute("DROP TABLE backups; DROP TABLE proofs; DROP TABLE verifications; PRAGMA user_version = 3")
    raw.close()
    with Store(str(state)) as store:
        store.ledger.made(FIRST)
        assert store.facts.get("kept") == 1
        assert store.ledger.known("local", "save") == (FIRST,)
    assert len(MIGRATIONS) == 4
