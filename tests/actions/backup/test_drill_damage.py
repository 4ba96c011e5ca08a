"""What a drill makes of damage that it finds, that is on record, and that is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.drivers.repository import Damaged
from agent.errors import NotFound, RunFailed
from agent.model.backups import Level
from agent.ports import Context
from tests.actions.backup.fakes import Vault
from tests.actions.backup.restoring import backup
from tests.actions.backup.test_drill import ctx, drill, options, proofs, vault

__all__ = ["ctx", "vault"]


def test_damaged_backup_fails_and_leaves_nothing(vault: Vault, ctx: Context, tmp_path: Path) -> None:
    vault.damage["b1"] = "files.tar.zst is torn"
    with pytest.raises(Damaged, match="torn"):
        drill(options(where=str(tmp_path)), ctx, vault)
    assert proofs(ctx) == []
    assert [name for name in os.listdir(tmp_path) if name != "place"] == []


def test_damage_that_a_drill_finds_is_remembered_until_the_backup_is_proven(vault: Vault, ctx: Context) -> None:
    vault.damage["b1"] = "files.tar.zst is torn"
    with pytest.raises(Damaged):
        drill(options(), ctx, vault)
    (found,) = ctx.ledger.verifications("local").values()
    assert (found.backup, found.flaws) == ("b1", ("files.tar.zst is torn",))
    with pytest.raises(NotFound, match="no good backup"):
        drill(options(), ctx, vault)


def test_backup_that_a_person_names_is_drilled_though_damage_is_on_record_and_counts_again(
    vault: Vault, ctx: Context
) -> None:
    vault.put(backup("b2", began=2000.0, flaws=("a file was not read",)), {b"/srv/shop/logo": b"hello"})
    vault.damage["b1"] = "files.tar.zst is torn"
    for _ in range(2):
        with pytest.raises(Damaged):
            drill(options(choose="b1"), ctx, vault)
    vault.damage.clear()
    ctx.clock.sleep(1)
    assert drill(options(choose="b1"), ctx, vault).facts["backup"] == "b1"
    assert drill(options(), ctx, vault).facts["backup"] == "b1"
    with pytest.raises(RunFailed, match="b2 is not whole, which no drill changes: a file was not read"):
        drill(options(choose="b2"), ctx, vault)
    with pytest.raises(NotFound, match="no backup 'b3'"):
        drill(options(choose="b3"), ctx, vault)


def test_backup_that_is_removed_while_it_is_drilled_is_not_called_damaged(vault: Vault, ctx: Context) -> None:
    vault.put(backup("b2", began=2000.0, level=Level.INCREMENTAL, parent="b1"), {b"/srv/shop/logo": b"hello"})

    def pruned() -> None:
        del vault.stored["b1"], vault.stored["b2"]
        raise Damaged("b2 has no archive")

    vault.before["restore"] = pruned
    with pytest.raises(RunFailed, match="removed while it was drilled") as caught:
        drill(options(), ctx, vault)
    assert not isinstance(caught.value, Damaged)
    assert ctx.ledger.verifications("local") == {}


def test_damage_that_a_drill_finds_is_that_of_the_link_that_has_it(vault: Vault, ctx: Context) -> None:
    vault.put(backup("b2", began=2000.0, level=Level.INCREMENTAL, parent="b1"))
    vault.damage["b1"] = "files.tar.zst is torn"
    with pytest.raises(Damaged):
        drill(options(), ctx, vault)
    found = ctx.ledger.verifications("local")
    assert {name: one.flaws for name, one in found.items()} == {"b1": ("files.tar.zst is torn",), "b2": ()}
