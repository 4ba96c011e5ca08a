"""Recovering a host: everything comes back below a root, or nothing has changed; interrupted, it goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.actions.backup._begun import JOURNAL, Begun, Recovered, write_begun
from agent.actions.backup._lost import hosts, newest, outermost, passed_over
from agent.actions.backup._overlaps import Share, key, shares
from agent.actions.backup._places import sealed, settle, swap
from agent.actions.backup._recovery import Recovery
from agent.drivers.repository import Damaged
from agent.errors import NotFound, RunFailed
from agent.model.backups import Backup, Entry, Junk, Level, Part
from agent.ports import Context
from tests.actions.backup.fakes import REPOSITORY, FakeRepository, Vault, drivers
from tests.actions.backup.restoring import DATABASE, FILES, backup
from tests.fakes import context

ETC = backup("etc", task="etc", parts=(FILES,))
SHOP = backup("shop", task="shop", parts=(FILES, DATABASE))


@pytest.fixture
def vault() -> Vault:
    made = Vault()
    made.put(ETC, {b"/etc/hostkeeper/policies.d/shop.yaml": b"version: 1", b"/etc/motd": b"hi"})
    made.put(SHOP, {b"/srv/shop/logo": b"logo"})
    return made


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


def recovery(
    vault: Vault,
    root: Path,
    *,
    overwrite: bool = False,
    ctx: Context | None = None,
    own: Mapping[str, Sequence[str]] | None = None,
) -> Recovery:
    from_vault = drivers(vault).repository(REPOSITORY, None)  # type: ignore[arg-type]  # the fake needs no tools
    assert isinstance(from_vault, FakeRepository)
    return Recovery(ctx or context(), from_vault, str(root), overwrite=overwrite, own=own)


def share_of(recovery: Recovery, backup: Backup) -> Share:
    (share,) = shares((backup,), {key(backup): recovery.tops(backup)})
    return share


def files(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def without_copies(root: Path) -> dict[str, str]:
    return {name: text for name, text in files(root).items() if not name.endswith(".copy")}


BACK = {"etc/hostkeeper/policies.d/shop.yaml": "version: 1", "etc/motd": "hi", "srv/shop/logo": "logo"}


def test_everything_of_a_host_comes_back_below_an_empty_root(vault: Vault, root: Path) -> None:
    found = recovery(vault, root).recover((ETC, SHOP))
    assert without_copies(root) == BACK
    assert "var/lib/hostkeeper/recovered/shop/shop.copy" in files(root)
    assert sum(one.files for one in found) == 3
    (copies,) = [one.copies for one in found if one.copies]
    assert copies == ((f"{root}/var/lib/hostkeeper/recovered/shop", DATABASE),)
    assert sorted(path.name for path in root.iterdir()) == ["etc", "srv", "var"]


def test_what_is_there_is_told_and_replaced_only_on_demand(vault: Vault, root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc" / "motd").write_text("new host")
    (root / "srv" / "shop").mkdir(parents=True)
    assert recovery(vault, root).conflicts((ETC, SHOP)) == [f"{root}/etc/motd"]
    found = recovery(vault, root, overwrite=True).recover((ETC, SHOP))
    assert (root / "etc" / "motd").read_text() == "hi"
    kept = [where for one in found for where in one.kept]
    assert any("new host" in files(Path(where)).values() for where in kept)


def test_damaged_backup_takes_everything_back(vault: Vault, root: Path) -> None:
    vault.damage["shop"] = "torn"
    with pytest.raises(Damaged, match="torn"):
        recovery(vault, root).recover((ETC, SHOP))
    assert list(root.iterdir()) == []


@pytest.mark.parametrize("staged", [True, False])
def test_interrupted_recovery_goes_on(vault: Vault, root: Path, staged: bool) -> None:
    first = recovery(vault, root)
    begun = first._begin(share_of(first, ETC), first=True)
    write_begun(str(root), [begun])
    first._bring(ETC, begun)
    if staged:
        write_begun(str(root), [replace(begun, staged=True)])
        vault.damage["etc"] = "gone since"
    found = recovery(vault, root).recover((ETC, SHOP))
    assert without_copies(root) == BACK
    assert sorted(path.name for path in root.iterdir()) == ["etc", "srv", "var"]
    assert not (root / JOURNAL).exists()
    assert len(found) == 2


class Dying(Recovery):
    """Ends when one place of several is settled."""

    def _settled(self, found: Sequence[Recovered], begun: Sequence[Begun]) -> tuple[Recovered, ...]:
        settle(begun[0].stages[0], keep=False)
        raise KeyboardInterrupt


def test_recovery_interrupted_while_it_settles_has_nothing_left_but_to_settle(vault: Vault, root: Path) -> None:
    fake = drivers(vault).repository(REPOSITORY, None)  # type: ignore[arg-type]  # the fake needs no tools
    with pytest.raises(KeyboardInterrupt):
        Dying(context(), fake, str(root), overwrite=False).recover((ETC, SHOP))
    assert without_copies(root).items() >= BACK.items()
    (root / "srv" / "shop" / "logo").write_text("in use again")
    assert len(recovery(vault, root).recover((ETC, SHOP))) == 2
    assert (root / "srv" / "shop" / "logo").read_text() == "in use again"
    assert sorted(path.name for path in root.iterdir()) == ["etc", "srv", "var"]


def test_sqlite_database_comes_back_where_it_was(vault: Vault, root: Path) -> None:
    part = Part(
        kind="sqlite", name="store", form="sqlite file", bytes=4, stored=4, facts={"path": "/var/lib/hostkeeper/a.db"}
    )
    agent = vault.put(backup("agent", task="agent", parts=(FILES, part)), {b"/etc/motd": b"hi"})
    recovery(vault, root).recover((agent,))
    assert sorted(files(root)) == ["etc/motd", "var/lib/hostkeeper/a.db"]


def with_store(vault: Vault, root: Path) -> tuple[Backup, Path]:
    """Let there be a backup of a store, and another store with logs where it belongs."""
    part = Part(kind="sqlite", name="store", form="sqlite file", bytes=4, stored=4, facts={"path": "/var/lib/a.db"})
    live = root / "var" / "lib" / "a.db"
    live.parent.mkdir(parents=True)
    for ending in ("", "-wal", "-shm"):
        Path(f"{live}{ending}").write_text(f"old{ending}")
    return vault.put(backup("agent", task="agent", parts=(part,))), live


def test_what_belongs_to_the_new_agent_gives_way_with_its_logs_and_is_kept(vault: Vault, root: Path) -> None:
    made, live = with_store(vault, root)
    assert recovery(vault, root).conflicts((made,)) == [str(live)]
    heads = live.with_name("heads")
    heads.write_text("heads")
    mine = recovery(vault, root, own={str(live): [str(heads)]})
    assert mine.conflicts((made,)) == []
    (found,) = mine.recover((made,))
    (kept,) = found.kept
    assert [path.name for path in live.parent.iterdir() if path.is_file()] == ["a.db"]
    assert live.read_text() == ""
    assert sorted(files(Path(kept)).values()) == ["heads", "old", "old-shm", "old-wal"]


def test_recovery_goes_on_although_somebody_has_looked_into_the_store_meanwhile(vault: Vault, root: Path) -> None:
    made, live = with_store(vault, root)
    first = recovery(vault, root, own={str(live): []})
    begun = first._begin(share_of(first, made), first=True)
    write_begun(str(root), [begun])
    first._bring(made, begun)
    write_begun(str(root), [replace(begun, staged=True)])
    for stage in begun.stages:
        swap(sealed(stage))
    Path(f"{live}-wal").write_text("of whoever looked")
    (found,) = recovery(vault, root).recover((made,))
    (kept,) = found.kept
    assert sorted(files(Path(kept)).values()) == ["old", "old-shm", "old-wal"]
    assert Path(f"{live}-wal").read_text() == "of whoever looked"


def test_room_for_all_of_it_is_looked_for_before_anything_begins(vault: Vault, root: Path) -> None:
    large = vault.put(backup("large", task="large", parts=(replace(DATABASE, bytes=1 << 60),)))
    with pytest.raises(RunFailed, match="are needed: make room"):
        recovery(vault, root).require_room((ETC, large))
    recovery(vault, root).require_room((ETC,))


def test_database_that_is_open_is_not_replaced(vault: Vault, root: Path) -> None:
    made, live = with_store(vault, root)
    with live.open() as held, subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[held.fileno()]) as holder:
        with pytest.raises(RunFailed, match=r"a\.db is open in cat \(\d+\): stop that first"):
            recovery(vault, root, own={str(live): []}).recover((made,))
        assert holder.stdin is not None
        holder.stdin.close()
    assert sorted(files(root)) == ["var/lib/a.db", "var/lib/a.db-shm", "var/lib/a.db-wal"]


@pytest.mark.parametrize("path", ["../../etc/cron.d/x", "/var/../etc/x", "relative"])
def test_sqlite_database_of_a_hostile_place_is_only_a_copy(vault: Vault, root: Path, path: str) -> None:
    part = Part(kind="sqlite", name="store", form="sqlite file", bytes=4, stored=4, facts={"path": path})
    agent = vault.put(backup("agent", task="agent", parts=(FILES, part)), {b"/etc/motd": b"hi"})
    recovery(vault, root).recover((agent,))
    assert sorted(files(root)) == ["etc/motd", "var/lib/hostkeeper/recovered/agent/store.sqlite"]


NOW = 10_000.0


def test_newest_good_backup_of_each_task_is_taken(vault: Vault) -> None:
    vault.put(backup("later", task="shop", began=2000.0, ended=2001.0))
    vault.put(backup("torn", task="shop", began=3000.0, flaws=("torn",)))
    vault.put(backup("orphan", task="shop", began=4000.0, level=Level.INCREMENTAL, parent="gone"))
    vault.put(backup("other", task="shop", began=5000.0, host="other"))
    listing = vault.listing()
    assert hosts(listing) == ("host", "other")
    assert {one.id for one in newest(listing, "host", None, NOW)} == {"etc", "later"}
    assert {one.id for one in newest(listing, "host", 1500.0, NOW)} == {"etc", "shop"}
    with pytest.raises(NotFound, match="no good backup of nobody"):
        newest(listing, "nobody", None, NOW)


def test_what_does_not_come_back_is_told(vault: Vault) -> None:
    vault.put(backup("torn", task="shop", began=3000.0, ended=3001.0, flaws=("torn",)))
    vault.put(backup("never", task="mail", began=3000.0, ended=3001.0, flaws=("torn",)))
    vault.put(backup("other", task="shop", began=5000.0, host="other"))
    vault.junk.append(Junk("x", "no seal"))
    listing = vault.listing()
    assert passed_over(listing, "host", newest(listing, "host", None, NOW), None) == [
        "mail of host: no good backup, of 1: NOTHING of it comes back",
        "shop of host: 1 newer than shop are not good, or dated ahead",
        "no backup: x: no seal",
    ]
    assert passed_over(listing, "host", newest(listing, "host", 2000.0, NOW), 2000.0) == [
        "mail of host: no good backup, of 0: NOTHING of it comes back",
        "no backup: x: no seal",
    ]


def test_backup_of_the_future_is_taken_only_where_the_clock_is_behind_all(vault: Vault) -> None:
    vault.put(backup("later", task="shop", began=2 * NOW, ended=2 * NOW + 1))
    assert {one.id for one in newest(vault.listing(), "host", None, NOW)} == {"etc", "shop"}
    assert {one.id for one in newest(vault.listing(), "host", None, 0.0)} == {"etc", "later"}


def entry(path: bytes, kind: str = "file") -> Entry:
    return Entry(path=path, kind=kind, mode=0o644, uid=0, gid=0, size=0, modified=0)


def test_outermost_paths_hold_everything_and_are_never_the_root() -> None:
    found = outermost(
        [
            entry(b"/srv/a/file"),
            entry(b"/srv/a", "directory"),
            entry(b"/", "directory"),
            entry(b"/etc/motd"),
            entry(b"/srv/a/b", "directory"),
            entry(b"/home", "directory"),
        ]
    )
    assert found == (b"/etc/motd", b"/home", b"/srv/a")
    with pytest.raises(RunFailed, match="trust none"):
        outermost([entry(b"/a/../b")])


def test_older_backup_of_the_same_path_gives_way_and_is_told(vault: Vault, root: Path) -> None:
    old = vault.put(replace(backup("old", task="renamed", parts=(FILES,)), began=500.0), {b"/srv/shop/logo": b"old"})
    found = recovery(vault, root)
    assert found.overlaps((SHOP, old)) == [
        "/srv/shop/logo comes back from shop, whose backup is newer; what that leaves out is in old of renamed"
    ]
    assert [one.paths for one in found.recover((SHOP, old))] == [(), (f"{root}/srv/shop/logo",)]
    assert without_copies(root) == {"srv/shop/logo": "logo"}


def test_database_inside_what_a_newer_backup_has_comes_back_all_the_same(vault: Vault, root: Path) -> None:
    part = Part(kind="sqlite", name="notes", form="sqlite file", bytes=4, stored=4, facts={"path": "/srv/shop/logo"})
    old = vault.put(replace(backup("old", task="notes", parts=(part,)), began=500.0))
    found = recovery(vault, root)
    assert found.overlaps((SHOP, old)) == []
    found.recover((SHOP, old))
    assert without_copies(root) == {"srv/shop/logo": ""}


def test_what_was_said_beforehand_is_not_looked_up_again(vault: Vault, root: Path) -> None:
    old = backup("old", task="old", parts=(FILES,), began=SHOP.began - 1)
    vault.put(old, {b"/srv/shop/logo": b"older"})
    read: list[int] = []
    vault.before["entries"] = lambda: read.append(1)
    found = recovery(vault, root)
    found.overlaps((SHOP, old))
    found.require_room((SHOP, old))
    read.clear()
    vault.fails["restore"] = RunFailed("this is far enough")
    with pytest.raises(RunFailed, match="far enough"):
        found.recover((SHOP, old))
    assert len(read) == len(["what the first one brings back into its stage"])
