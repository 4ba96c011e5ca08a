"""`backup.restore` as the engine uses it: what it brings back, what it replaces, and how it is taken back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.actions.backup.restore import ACTION
from agent.errors import NotFound, RunFailed
from agent.model.actions import OnInterrupt
from agent.model.backups import Proof
from agent.ports import Context
from tests.actions.backup.fakes import SHOP, FakeDatabase, Vault
from tests.actions.backup.restoring import BROUGHT, DAMAGED, Run, backup, options, staging, tree
from tests.fakes import FakeMemory


def test_tree_is_as_it_was_and_what_it_replaced_is_kept(live: Path, vault: Vault, ctx: Context, tmp_path: Path) -> None:
    facts = Run(options(paths=[str(live)]), ctx, vault).all()
    assert list(facts) == ["check", "stage", "swap", "verify", "clean"]
    assert tree(live) == BROUGHT
    kept = Path(str(facts["clean"]["kept"]))
    assert tree(Path(f"{kept}{live}")) == DAMAGED
    assert kept.parent.stat().st_mode & 0o077 == 0
    assert facts["check"]["replaced_objects"] == 3
    assert facts["verify"]["compared"] == 2


def test_slash_at_the_end_of_a_path_means_nothing(live: Path, vault: Vault, ctx: Context, tmp_path: Path) -> None:
    Run(options(paths=[f"{live}/"], safety=False), ctx, vault).all()
    assert tree(live) == BROUGHT
    Run(options(to=f"{tmp_path}/there/"), replace(ctx, memory=FakeMemory()), vault).all()
    assert tree(Path(f"{tmp_path}/there{live}")) == BROUGHT


def test_without_safety_nothing_is_left(live: Path, vault: Vault, ctx: Context, tmp_path: Path) -> None:
    Run(options(paths=[str(live)], safety=False), ctx, vault).all()
    assert tree(live) == BROUGHT
    assert staging(tmp_path) == []


def test_one_file_is_replaced_and_its_neighbours_stay(live: Path, vault: Vault, ctx: Context, tmp_path: Path) -> None:
    Run(options(paths=[str(live / "logo")], safety=False), ctx, vault).all()
    assert tree(live) == {"logo": "hello", "new": "since"}
    assert staging(tmp_path) == []


def test_tree_that_is_gone_with_its_directories_comes_back(live: Path, vault: Vault, ctx: Context) -> None:
    for path in (live / "logo", live / "new"):
        path.unlink()
    live.rmdir()
    live.parent.rmdir()
    facts = Run(options(paths=[str(live)]), ctx, vault).all()
    assert tree(live) == BROUGHT
    assert facts["clean"]["kept"] == ""
    assert staging(live.parent.parent) == []


def test_two_paths_change_places_together(live: Path, vault: Vault, ctx: Context) -> None:
    Run(options(paths=[str(live / "logo"), str(live / "deep")], safety=False), ctx, vault).all()
    assert tree(live) == {"deep/er": "below", "logo": "hello", "new": "since"}


def test_directory_gets_everything_and_nothing_live_is_touched(
    live: Path, vault: Vault, ctx: Context, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    Run(options(to=str(there)), ctx, vault).all()
    assert tree(Path(f"{there}{live}")) == BROUGHT
    assert tree(live) == DAMAGED
    assert (there / "shop.copy").exists()
    assert staging(tmp_path) == []


@pytest.mark.parametrize("step", ["stage", "swap"])
def test_directory_that_was_made_goes_when_taken_back(
    live: Path, vault: Vault, ctx: Context, tmp_path: Path, step: str
) -> None:
    there = tmp_path / "there"
    run = Run(options(to=str(there)), ctx, vault)
    run.take_back(run.until(step))
    assert not there.exists()
    assert tree(live) == DAMAGED


def test_directory_that_was_empty_is_so_when_taken_back(live: Path, vault: Vault, ctx: Context, tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    run = Run(options(to=str(there)), ctx, vault)
    run.take_back(run.until("swap"))
    assert os.listdir(there) == []


@pytest.mark.parametrize("step", ["check", "stage", "load:shop", "swap", "swap:shop", "verify"])
def test_taken_back_after_any_step_everything_is_as_it_was(
    live: Path, vault: Vault, ctx: Context, tmp_path: Path, step: str
) -> None:
    database = FakeDatabase()
    run = Run(options(paths=[str(live)], databases=[SHOP]), ctx, vault, database)
    before = live.stat().st_ino
    steps = run.until(step)
    run.take_back(steps)
    run.take_back(steps)
    assert tree(live) == DAMAGED
    assert live.stat().st_ino == before
    assert staging(tmp_path) == []
    if step.startswith(("load", "swap", "verify")):
        assert database.target.did[-1] == "discard"
    if step in ("swap:shop", "verify"):
        assert "swap back" in database.target.did


def test_every_step_done_twice_is_done_once(live: Path, vault: Vault, ctx: Context) -> None:
    run = Run(options(paths=[str(live)]), ctx, vault)
    for name in [step.name for step in run.make()]:
        for _ in range(2):
            next(step for step in run.make() if step.name == name).do()
    assert tree(live) == BROUGHT


def test_after_cleaning_nothing_can_be_taken_back(live: Path, vault: Vault, ctx: Context) -> None:
    run = Run(options(paths=[str(live)], safety=False), ctx, vault)
    run.until("clean")
    undo = next(step.undo for step in run.make() if step.name == "swap")
    assert undo is not None
    with pytest.raises(RunFailed, match="was complete"):
        undo()
    assert tree(live) == BROUGHT


def test_live_tree_that_another_replaced_meanwhile_is_left_alone(live: Path, vault: Vault, ctx: Context) -> None:
    run = Run(options(paths=[str(live)]), ctx, vault)
    run.until("stage")
    live.rename(live.parent / "gone")
    live.mkdir()
    (live / "theirs").write_text("new")
    with pytest.raises(RunFailed, match="not what it was"):
        next(step for step in run.make() if step.name == "swap").do()
    assert tree(live) == {"theirs": "new"}


def test_what_differs_in_the_staging_place_is_never_swapped(live: Path, vault: Vault, ctx: Context) -> None:
    run = Run(options(paths=[str(live)]), ctx, vault)
    run.until("check")
    vault.before["entries"] = lambda: vault.stored["b1"].files.update({os.fsencode(live / "more"): b"x"})
    real = vault.stored["b1"].files
    vault.before["restore"] = lambda: (real.pop(os.fsencode(live / "more"), None), None)[1]
    with pytest.raises(RunFailed, match="more: No such file"):
        next(step for step in run.make() if step.name == "stage").do()
    assert tree(live) == DAMAGED


def test_what_is_spoilt_after_the_swap_is_found_and_what_others_wrote_is_not(
    live: Path, vault: Vault, ctx: Context
) -> None:
    run = Run(options(paths=[str(live)]), replace(ctx, clock=RealClock()), vault)
    run.until("swap")
    (live / "logo").write_text("written by the shop")
    verify = next(step for step in run.make() if step.name == "verify")
    assert verify.do().facts["changed_since"] == 1
    memory = ctx.memory
    assert isinstance(memory, FakeMemory)
    record = memory.facts["restore"]
    assert isinstance(record, dict)
    memory.facts["restore"] = {**record, "swapped": 1e12}
    with pytest.raises(RunFailed, match=r"logo: .*instead of"):
        next(step for step in run.make() if step.name == "verify").do()


class RealClock:
    """The wall clock, for what is compared with times of files."""

    def now(self) -> Any:
        from datetime import UTC, datetime  # noqa: PLC0415 - nowhere else

        return datetime.now(UTC)

    def seconds(self) -> float:
        return float(self.now().timestamp())

    def monotonic(self) -> float:
        return 0.0

    def suspended(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


@pytest.mark.root
def test_tree_in_the_directory_of_a_user_is_staged_where_root_is_alone(
    live: Path, vault: Vault, ctx: Context, tmp_path: Path
) -> None:
    for path in (live.parent, live):
        os.chown(path, 1234, 1234)
    run = Run(options(paths=[str(live)]), ctx, vault)
    run.until("stage")
    (stage,) = staging(tmp_path)
    assert os.path.dirname(stage) == str(tmp_path)
    assert os.stat(stage).st_uid == 0


def test_database_is_counted_swapped_and_kept(live: Path, vault: Vault, ctx: Context) -> None:
    database = FakeDatabase()
    facts = Run(options(databases=[SHOP]), ctx, vault, database).all()
    assert list(facts) == ["check", "load:shop", "swap:shop", "verify", "clean"]
    assert [what for what in database.target.did if not what.startswith("replacing")] == [
        *("discard", "load", "settle", "swap"),
    ]
    assert facts["clean"] == {"shop_beside": "shop_beside"}
    assert len({what for what in database.target.did if what.startswith("replacing")}) == 1


def test_database_without_safety_goes_at_the_end(vault: Vault, ctx: Context) -> None:
    database = FakeDatabase()
    Run(options(databases=[SHOP], safety=False), ctx, vault, database).all()
    assert database.target.did[-1] == "discard"


def test_database_with_other_rows_is_never_swapped(vault: Vault, ctx: Context) -> None:
    database = FakeDatabase()
    database.target.rows = {"orders": 2}
    with pytest.raises(RunFailed, match="orders has 2 rows instead of 3"):
        Run(options(databases=[SHOP]), ctx, vault, database).all()
    assert "swap" not in database.target.did


def test_tables_are_left_beside_the_live_database(vault: Vault, ctx: Context) -> None:
    database = FakeDatabase()
    facts = Run(options(databases=[SHOP], tables=["orders"]), ctx, vault, database).all()
    assert "load orders" in database.target.did
    assert "swap" not in database.target.did
    assert facts["clean"] == {"shop_beside": "shop_beside"}


def test_database_that_is_not_in_the_backup_fails(vault: Vault, ctx: Context) -> None:
    with pytest.raises(RunFailed, match="does not have the database crm, but shop"):
        Run(options(databases=[{**SHOP, "name": "crm"}]), ctx, vault, FakeDatabase(name="crm")).all()


def test_backup_is_chosen_by_word_id_and_instant(live: Path, vault: Vault, ctx: Context) -> None:
    files = vault.stored["b1"].files
    vault.put(backup("b2", began=2000.0, ended=2001.0), files)
    vault.put(backup("b3", began=3000.0, ended=3001.0, flaws=("torn",)), files)
    proof = Proof(repository="local", task="shop", backup="b1", at=1500.0, seconds=1, bytes=1, checks={})
    ctx.ledger.proved(proof)

    def chosen(word: str) -> object:
        within = replace(ctx, memory=FakeMemory())
        return Run(options(paths=[str(live)], backup=word), within, vault).make()[0].do().facts["backup"]

    assert chosen("latest") == "b2"
    assert chosen("latest-proven") == "b1"
    assert chosen("b3") == "b3"
    assert chosen("1970-01-01T00:30:00Z") == "b1"
    assert chosen("1970-01-01T01:30:00+01:00") == "b1"
    for word in ("b", "nonsense", "1970-01-01T00:01:00Z"):
        with pytest.raises(NotFound):
            chosen(word)


def test_resumed_run_keeps_its_backup(live: Path, vault: Vault, ctx: Context) -> None:
    run = Run(options(paths=[str(live)]), ctx, vault)
    run.until("stage")
    vault.put(backup("b2", began=2000.0), {os.fsencode(live / "logo"): b"younger"})
    for step in list(run.make())[2:]:
        step.do()
    assert tree(live) == BROUGHT


def test_previews_touch_nothing_and_say_what_is_replaced(live: Path, vault: Vault, ctx: Context) -> None:
    chosen = options(paths=[str(live)], databases=[SHOP])
    previews = {step.name: step.preview(lambda _: None) for step in Run(chosen, ctx, vault).make()}
    assert "replacing 3 objects" in previews["check"].summary
    assert "is kept in" in previews["swap"].summary
    assert tree(live) == DAMAGED
    assert staging(live.parent) == []
    assert ACTION.on_interrupt(chosen) is OnInterrupt.RESUME
