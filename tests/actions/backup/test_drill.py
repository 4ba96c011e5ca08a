"""`backup.drill` as the engine uses it: what proves a backup, what does not, and that nothing is left behind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.actions.backup.drill import ACTION, Options, planned
from agent.errors import AgentError, NotFound, RunFailed
from agent.model.actions import OnInterrupt, Outcome
from agent.model.backups import Level
from agent.ports import Context
from tests.actions.backup.fakes import REPOSITORY, FakeDatabase, Vault, drivers
from tests.actions.backup.restoring import DATABASE as SHOP
from tests.actions.backup.restoring import FILES, backup
from tests.fakes import FakeLedger, FakeMemory, FakeProcesses, context

KEYS = ("sql", "database", "equals", "at_least", "matches", "command", "exists", "min_size")
NOTHING: dict[str, Any] = {**dict.fromkeys(KEYS), "timeout": 600.0}


def options(*assertions: Mapping[str, Any], **changes: Any) -> Options:
    chosen: dict[str, Any] = {"repository": REPOSITORY, "task": "shop", "choose": "newest", "where": None}
    return Options(**{**chosen, "assertions": [{**NOTHING, **one} for one in assertions], **changes})


@pytest.fixture
def vault() -> Vault:
    made = Vault()
    made.put(backup(), {b"/srv/shop/logo": b"hello"})
    return made


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return replace(context(), place=str(tmp_path / "place"))


def drill(chosen: Options, ctx: Context, vault: Vault, database: FakeDatabase | None = None) -> Outcome:
    outcomes = [step.do() for step in planned(chosen, ctx, drivers(vault, database or FakeDatabase()))]
    return outcomes[-1]


def proofs(ctx: Context) -> list[str]:
    assert isinstance(ctx.ledger, FakeLedger)
    return [proof.backup for proof in ctx.ledger.proven.values()]


def test_whole_backup_is_proven_with_all_that_was_held_against_it(vault: Vault, ctx: Context, tmp_path: Path) -> None:
    outcome = drill(options({"exists": "/srv/shop/logo", "min_size": 5}, where=str(tmp_path)), ctx, vault)
    assert outcome.facts["rows"] == 3
    proof = ctx.ledger.proofs("local")["b1"]
    assert proof.checks == {"files": 1, "tables": 1, "rows": 3, "assertions": 1}
    assert proof.bytes == 1005
    assert [name for name in os.listdir(tmp_path) if name != "place"] == []


def test_backup_of_databases_alone_is_proven(ctx: Context) -> None:
    vault = Vault()
    vault.put(backup(parts=(SHOP,)))
    assert drill(options(), ctx, vault).facts["rows"] == 3
    assert ctx.ledger.proofs("local")["b1"].checks["files"] == 0


def test_newest_good_backup_is_drilled(vault: Vault, ctx: Context) -> None:
    vault.put(backup("b2", began=2000.0))
    vault.put(backup("b3", began=3000.0, flaws=("a file was not read",)))
    vault.put(backup("other", began=4000.0, host="elsewhere"))
    vault.put(backup("dated-ahead", began=ctx.now.timestamp() + 1e6))
    drill(options(), ctx, vault)
    assert proofs(ctx) == ["b2"]


@pytest.mark.parametrize("choose", ["newest", "random"])
def test_backup_that_this_host_did_not_make_is_not_drilled_beside_its_own(
    vault: Vault, ctx: Context, choose: str
) -> None:
    ctx.ledger.made(backup())
    vault.put(backup("forged", began=2000.0))
    drill(options(choose=choose), ctx, vault)
    assert proofs(ctx) == ["b1"]


def test_random_choice_stays_within_a_run_and_changes_between_runs(vault: Vault, ctx: Context) -> None:
    for number in range(2, 30):
        vault.put(backup(f"b{number}", began=1000.0 + number))
    chosen = options(choose="random")
    taken = set()
    for run in range(12):
        within = replace(ctx, run=run)
        first = next(iter(planned(chosen, within, drivers(vault)))).do().facts["backup"]
        vault.put(backup(f"later{run}", began=9000.0 + run))
        assert next(iter(planned(chosen, within, drivers(vault)))).do().facts["backup"] == first
        taken.add(first)
    assert len(taken) > 3


def test_no_good_backup_fails(ctx: Context) -> None:
    vault = Vault(made=True)
    vault.put(backup(flaws=("torn",)))
    with pytest.raises(NotFound, match="no good backup of shop on host"):
        drill(options(), ctx, vault)


@pytest.mark.parametrize(
    ("assertion", "sentence"),
    [
        ({"exists": "/srv/shop/gone"}, "/srv/shop/gone must be there"),
        ({"exists": "/srv/shop/logo", "min_size": 6}, "has 5 bytes"),
        ({"sql": "q", "database": "shop", "equals": "8"}, "'q' gives '7', which is not 8"),
        ({"sql": "q", "database": "shop", "equals": 8}, "is not 8"),
        ({"sql": "q", "database": "shop", "at_least": 7.5}, "is not at least 7.5"),
        ({"sql": "q", "database": "shop", "matches": "^8"}, "does not match"),
        ({"sql": "empty", "database": "shop"}, "says nothing"),
        ({"sql": "text", "database": "shop", "at_least": 1}, "is not at least 1"),
        ({"sql": "q", "database": "crm"}, "no database crm"),
        ({"command": ["false"]}, "false ended with exit code 1"),
    ],
)
def test_assertion_that_does_not_hold_fails_and_proves_nothing(
    vault: Vault, ctx: Context, assertion: Mapping[str, Any], sentence: str, tmp_path: Path
) -> None:
    database = FakeDatabase()
    database.target.answers = {"q": "7", "empty": "", "text": "many"}
    within = replace(ctx, processes=Saying(1))
    with pytest.raises(RunFailed, match=sentence):
        drill(options(assertion, where=str(tmp_path)), within, vault, database)
    assert proofs(within) == []
    assert [name for name in os.listdir(tmp_path) if name != "place"] == []


class Saying(FakeProcesses):
    """Every command ends with one exit code."""

    def __init__(self, code: int) -> None:
        super().__init__()
        self.code = code

    def run(self, command: Any, stop: Any) -> Any:
        return replace(super().run(command, stop), code=self.code)


@pytest.mark.parametrize(
    "assertion",
    [
        {"sql": "q", "database": "shop", "equals": "7"},
        {"sql": "q", "database": "shop", "equals": 7},
        {"sql": "q", "database": "shop", "at_least": 7},
        {"sql": "q", "database": "shop", "matches": "[0-9]"},
        {"sql": "q", "database": "shop"},
        {"command": ["true"]},
    ],
)
def test_assertion_that_holds_is_counted(vault: Vault, ctx: Context, assertion: Mapping[str, Any]) -> None:
    database = FakeDatabase()
    database.target.answers = {"q": "7"}
    assert drill(options(assertion), ctx, vault, database).facts["assertions"] == 1


def test_command_finds_the_restored_tree(vault: Vault, ctx: Context) -> None:
    processes = FakeProcesses()
    drill(options({"command": ["check"]}), replace(ctx, processes=processes), vault)
    (command,) = processes.ran
    assert command.environment["HOSTKEEPER_RESTORED"] == command.directory


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ({"orders": 2}, "orders has 2 rows instead of 3"),
        ({}, "orders is missing"),
        ({"orders": 3, "extra": 1}, "extra that was not backed up"),
    ],
)
def test_rows_that_are_others_fail(vault: Vault, ctx: Context, rows: dict[str, int], sentence: str) -> None:
    database = FakeDatabase()
    database.target.rows = rows
    with pytest.raises(RunFailed, match=sentence):
        drill(options(), ctx, vault, database)
    assert proofs(ctx) == []


def test_rows_within_bounds_prove(vault: Vault, ctx: Context) -> None:
    vault.put(backup("b2", began=2000.0, parts=(FILES, replace(SHOP, counts={}, bounds={"orders": (2, 4)}))))
    drill(options(), ctx, vault)
    assert proofs(ctx) == ["b2"]


def test_every_difference_is_named(vault: Vault, ctx: Context) -> None:
    database = FakeDatabase()
    database.target.rows = {}
    with pytest.raises(RunFailed) as caught:
        drill(options({"exists": "/gone"}, {"exists": "/lost"}), ctx, vault, database)
    assert all(name in str(caught.value) for name in ("/gone", "/lost", "orders"))


def test_newer_backup_whose_chain_is_broken_is_passed_over_and_counted(vault: Vault, ctx: Context) -> None:
    vault.put(backup("b2", began=2000.0, level=Level.INCREMENTAL, parent="gone"))
    chosen = list(planned(options(), ctx, drivers(vault, FakeDatabase())))
    assert chosen[0].do().facts == {"backup": "b1", "level": "full", "newer_not_good": 1}
    chosen[1].do()
    assert proofs(ctx) == ["b1"]


def test_what_a_killed_drill_left_goes_with_the_next(vault: Vault, ctx: Context, tmp_path: Path) -> None:
    left = tmp_path / "hostkeeper-left"
    (left / "restored").mkdir(parents=True)
    memory = FakeMemory({"scratch": str(left)})
    drill(options(where=str(tmp_path)), replace(ctx, memory=memory), vault)
    assert not left.exists()


def test_scratch_place_is_remembered_before_it_is_there(vault: Vault, ctx: Context) -> None:
    there: list[bool] = []

    class Watching(FakeMemory):
        def remember(self, key: str, value: object) -> None:
            if key == "scratch" and value is not None:
                there.append(os.path.lexists(str(value)))
            super().remember(key, value)

    drill(options(), replace(ctx, memory=Watching()), vault)
    assert there == [False]


def test_place_without_room_fails_before_anything_is_restored(vault: Vault, ctx: Context) -> None:
    huge = replace(SHOP, bytes=1 << 60)
    vault.put(backup("b2", began=2000.0, parts=(FILES, huge)))
    with pytest.raises(RunFailed, match="make room"):
        drill(options(), ctx, vault)


def test_place_that_others_control_is_refused(vault: Vault, ctx: Context, tmp_path: Path) -> None:
    place = tmp_path / "open"
    (place / "inner").mkdir(parents=True)
    place.chmod(0o777)
    with pytest.raises(AgentError, match="sticky"):
        drill(options(where=str(place / "inner")), ctx, vault)


def test_expression_that_is_none_fails_when_planned(vault: Vault, ctx: Context) -> None:
    with pytest.raises(RunFailed, match="no regular expression"):
        list(planned(options({"sql": "q", "database": "shop", "matches": "("}), ctx, drivers(vault)))


def test_previews_name_the_backup_and_touch_nothing(vault: Vault, ctx: Context) -> None:
    previews = [step.preview(lambda _: None) for step in planned(options(), ctx, drivers(vault))]
    assert "b1" in previews[0].summary
    assert vault.did == []
    assert ACTION.on_interrupt(options()) is OnInterrupt.RESUME
