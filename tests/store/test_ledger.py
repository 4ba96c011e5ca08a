from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from agent.errors import StoreError
from agent.model.backups import Backup, Level, Part, Proof, Verification
from agent.store import Store
from agent.store.connection import DATABASE_NAME
from agent.store.ledger import MOST, Ledger
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
    assert store.ledger.tasks("local") == ("other", "save")
    assert store.ledger.tasks("nothing") == ()


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


def test_standing_of_nothing_is_nothing(store: Store) -> None:
    found = store.ledger.standing("local", "save")
    assert (found.backups, found.newest, found.proven, found.last_proof, found.damaged) == (0, None, None, None, 0)
    assert (found.stored, found.read, found.last_deep, found.oldest_deep) == (0, 0, None, None)


def test_standing_is_of_the_newest_backup_the_newest_proven_and_the_last_proof(store: Store) -> None:
    for backup in (SECOND, FIRST, replace(SECOND, repository="other"), replace(SECOND, task="other", id="c")):
        store.ledger.made(backup)
    later = replace(PROOF, backup="gone", at=PROOF.at + 9)
    for proof in (PROOF, later, replace(PROOF, repository="other", backup="b")):
        store.ledger.proved(proof)
    found = store.ledger.standing("local", "save")
    assert (found.backups, found.newest, found.proven, found.last_proof) == (2, SECOND, FIRST.began, later)
    assert store.ledger.standing("other", "save").proven == SECOND.began


def test_standing_takes_no_backup_for_proven_in_which_damage_was_found_since(store: Store) -> None:
    for backup in (FIRST, SECOND):
        store.ledger.made(backup)
    second = replace(PROOF, backup="b", at=PROOF.at + 50)
    for proof in (PROOF, second):
        store.ledger.proved(proof)
    for damaged, at, proven, last in (
        ("b", second.at - 1, SECOND.began, second),
        ("b", second.at, FIRST.began, PROOF),
        ("a", PROOF.at + 1, None, None),
    ):
        store.ledger.verified(replace(VERIFICATION, backup=damaged, at=at, flaws=("torn",)))
        found = store.ledger.standing("local", "save")
        assert (found.proven, found.last_proof) == (proven, last)
    again = replace(second, at=second.at + 1)
    store.ledger.proved(again)
    found = store.ledger.standing("local", "save")
    assert (found.proven, found.last_proof, found.damaged) == (SECOND.began, again, 1)


def test_standing_says_how_much_was_read_when_and_what_is_damaged(store: Store) -> None:
    store.ledger.made(FIRST)
    store.ledger.made(replace(SECOND, parts=(replace(PART, stored=5),)))
    deep = replace(VERIFICATION, deep=True)
    store.ledger.verified(deep)
    store.ledger.verified(replace(VERIFICATION, backup="b", at=BEGAN + 500))
    found = store.ledger.standing("local", "save")
    assert (found.stored, found.read, found.damaged) == (8, 3, 0)
    assert (found.last_deep, found.oldest_deep) == (deep.at, None)
    store.ledger.verified(replace(deep, backup="b", at=BEGAN + 300, flaws=("torn", "cut")))
    found = store.ledger.standing("local", "save")
    assert (found.read, found.damaged, found.last_deep, found.oldest_deep) == (8, 1, BEGAN + 300, deep.at)
    store.ledger.proved(replace(PROOF, backup="b", at=BEGAN + 300))
    assert store.ledger.standing("local", "save").damaged == 1
    store.ledger.proved(replace(PROOF, backup="b", at=BEGAN + 301))
    assert store.ledger.standing("local", "save").damaged == 0
    store.ledger.removed("local", ["a"])
    assert store.ledger.standing("local", "save").oldest_deep == BEGAN + 300


def test_changes_grow_with_everything_that_is_written_and_with_nothing_else(store: Store) -> None:
    ledger, seen = store.ledger, [store.ledger.changes()]
    writes: tuple[Callable[[], None], ...] = (
        lambda: ledger.made(FIRST),
        lambda: ledger.proved(PROOF),
        lambda: ledger.verified(VERIFICATION),
        lambda: ledger.removed("local", ["a"]),
    )
    for write in writes:
        write()
        seen.append(ledger.changes())
    ledger.removed("local", [])
    ledger.standing("local", "save")
    assert seen == [0, 1, 2, 3, 4]
    assert ledger.changes() == 4


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


@pytest.mark.parametrize(
    ("table", "read"),
    [
        ("backups", lambda ledger: ledger.known("local", "save")),
        ("proofs", lambda ledger: ledger.proofs("local")),
        ("proofs", lambda ledger: ledger.standing("local", "save")),
        ("verifications", lambda ledger: ledger.verifications("local")),
    ],
)
def test_row_that_was_edited_is_refused(table: str, read: Callable[[Ledger], object], store: Store) -> None:
    store.ledger.made(FIRST)
    store.ledger.proved(PROOF)
    store.ledger.verified(VERIFICATION)
    store.close()
    path = Path(store.directory)
    with apsw.Connection(str(path / DATABASE_NAME)) as raw:
        raw.execute(f"UPDATE {table} SET body = replace(body, '\"a\"', '\"z\"')")
    raw.close()
    with Store(str(path)) as again, pytest.raises(StoreError, match=f"row 'a' of table {table}"):
        read(again.ledger)


def test_store_of_an_earlier_version_gets_a_ledger(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with Store(str(state)) as store:
        store.facts.set("kept", 1)
    with apsw.Connection(str(state / DATABASE_NAME)) as raw:
        for table in reversed(re.findall(r"CREATE TABLE (\w+)", "".join(MIGRATIONS[3:]))):
            raw.execute(f"DROP TABLE {table}")
        raw.execute("PRAGMA user_version = 3")
    raw.close()
    with Store(str(state)) as store:
        store.ledger.made(FIRST)
        assert store.facts.get("kept") == 1
        assert store.ledger.known("local", "save") == (FIRST,)
