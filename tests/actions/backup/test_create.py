from __future__ import annotations

import pytest

from agent.actions.backup.create import ACTION
from agent.drivers.repository import ListingFailed
from agent.errors import Refused, RunFailed
from agent.model.actions import OnInterrupt
from agent.model.backups import UNSETTLED, Level
from agent.ports import StopRequested
from tests.actions.backup.world import Host


def test_create_makes_a_backup_of_paths_and_databases(host: Host) -> None:
    outcomes = host.run()
    (backup,) = host.vault.listing().backups
    assert (backup.level, backup.host, backup.task) == (Level.FULL, "host", "task")
    assert {part.name: dict(part.counts) for part in backup.parts} == {"files": {}, "shop": {"orders": 3}}
    facts = outcomes["back-up"].facts
    assert facts["backup"] == backup.id
    assert facts["why"] == "there is no full backup to build on"
    assert (facts["files"], facts["bytes"], facts["flaws"]) == (2, 1006, 0)
    assert outcomes["check"].facts == {"shop": "fake 1, 1 tables, 1,000 bytes"}
    assert host.ledger.known("local", "task") == (backup,)
    assert host.ledger.verifications("local")[backup.id].flaws == ()


def test_create_builds_on_the_last_backup_until_a_full_one_is_due(host: Host) -> None:
    host.run()
    for _ in range(7):
        host.run_later(1)
    assert host.levels() == ["full", *["incremental"] * 6, "full"]
    backups = host.vault.listing().backups
    assert [one.parent for one in backups] == ["", *(one.id for one in backups[:6]), ""]


def test_create_of_differential_ones_builds_on_the_full_one(host: Host) -> None:
    for _ in range(3):
        host.run_later(1, between="differential")
    full = host.ids()[0]
    assert [(one.level.value, one.parent) for one in host.vault.listing().backups][1:] == [("differential", full)] * 2


def test_create_with_other_sources_makes_a_full_backup(host: Host) -> None:
    host.run()
    outcomes = host.run_later(1, sources=[{"path": str(host.data)}])
    assert "the sources or the repository have changed" in str(outcomes["back-up"].facts["why"])
    assert host.levels() == ["full", "full"]


def test_create_without_memory_makes_a_full_backup(host: Host) -> None:
    host.run()
    host.memory.facts.clear()
    assert "it is not known what is in" in str(host.run_later(1)["back-up"].facts["why"])


def test_create_with_an_engine_that_makes_full_ones_alone_says_so(host: Host) -> None:
    host.vault.levels = frozenset({Level.FULL})
    assert host.run()["back-up"].facts["why"] == "the engine has no incremental backups"


def test_create_leaves_out_what_is_excluded_and_the_repository_itself(host: Host) -> None:
    host.run(sources=[{"path": str(host.data), "exclude": ["*.tmp"]}])
    (stored,) = host.vault.stored.values()
    assert [path.rpartition(b"/")[2] for path in stored.files] == [b"one"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("missing", "is not there"),
        ("empty", "is empty; if that is right, set `empty: allow`"),
        ("link", "is a symbolic link, name what it leads to"),
        ("nested", "lies in"),
    ],
)
def test_create_with_a_bad_source_fails_before_anything_is_made(host: Host, spoil: str, said: str) -> None:
    path = host.place / spoil
    sources = [{"path": str(path)}]
    if spoil == "empty":
        path.mkdir()
    elif spoil == "link":
        path.symlink_to(host.data)
    elif spoil == "nested":
        sources = [{"path": str(host.data)}, {"path": str(host.data / "below")}]
    with pytest.raises(RunFailed, match=said):
        host.run(sources=sources)
    with pytest.raises(RunFailed, match=said):
        host.previews(sources=sources)
    assert not host.vault.made


def test_create_of_an_empty_directory_that_may_be_empty_is_made(host: Host) -> None:
    path = host.place / "empty"
    path.mkdir()
    host.run(sources=[{"path": str(path)}], empty="allow")
    assert len(host.ids()) == 1


def test_create_with_a_database_out_of_reach_fails_before_anything_is_made(host: Host) -> None:
    host.shop.gone = "shop: nobody listens at /run/postgresql; start the server"
    with pytest.raises(RunFailed, match="nobody listens"):
        host.run()
    assert not host.vault.made


def test_create_with_flaws_keeps_the_backup_and_fails_the_run_at_its_end(host: Host) -> None:
    host.vault.flaws = ("/srv/a: permission denied", "/srv/b: permission denied")
    steps = host.steps(keep={"last": 1})
    for name in ("check", "back-up", "verify", "prune"):
        steps[name].do()
    with pytest.raises(RunFailed, match=r"is kept and is not good: /srv/a: permission denied\n.*/srv/b"):
        steps["tell"].do()
    assert len(host.ids()) == 1
    host.vault.flaws = ()
    assert "is not good: /srv/a" in str(host.run_later(1)["back-up"].facts["why"])
    assert host.levels() == ["full", "full"]


def test_create_of_a_backup_found_damaged_fails_the_run_and_is_not_built_on(host: Host) -> None:
    steps = host.steps()
    steps["check"].do()
    steps["back-up"].do()
    host.vault.damage[host.ids()[0]] = "files.tar.zst is cut short"
    steps["verify"].do()
    with pytest.raises(RunFailed, match="is damaged: files"):
        steps["tell"].do()
    assert "was found damaged" in str(host.run_later(1)["back-up"].facts["why"])


def test_create_looks_as_deep_as_it_is_told_to(host: Host) -> None:
    host.run(verify="deep")
    assert host.vault.did[-1] == f"verify deep {host.ids()[0]}"
    assert host.ledger.verifications("local")[host.ids()[0]].deep


def test_create_taken_up_again_does_not_make_its_backup_twice(host: Host) -> None:
    ctx = host.context()
    killed = RuntimeError("killed")
    host.vault.fails["created"] = killed
    steps = host.steps(ctx)
    steps["check"].do()
    with pytest.raises(RuntimeError):
        steps["back-up"].do()
    assert host.ledger.known("local", "task") == ()
    del host.vault.fails["created"]
    host.clock.advance(3600)
    host.vault.half_done.append("half")
    facts = host.run(ctx)["back-up"].facts
    assert facts["why"] == "this run had made it before it was interrupted"
    assert facts["swept"] == 1
    assert [one.id for one in host.ledger.known("local", "task")] == host.ids()
    assert len(host.ids()) == 1


def test_create_taken_up_again_makes_anew_what_it_left_unsettled(host: Host) -> None:
    ctx = host.context()
    host.vault.fails["created"] = RuntimeError("killed")
    host.vault.flaws = (UNSETTLED,)
    steps = host.steps(ctx)
    steps["check"].do()
    with pytest.raises(RuntimeError):
        steps["back-up"].do()
    host.vault.fails.clear()
    host.vault.flaws = ()
    host.clock.advance(60)
    done = host.run(ctx)
    unsettled, backup = host.vault.listing().backups
    assert (unsettled.unsettled, backup.flaws) == (True, ())
    assert done["back-up"].facts["backup"] == done["verify"].facts["backup"] == backup.id
    assert done["back-up"].facts["taken_up"] == 1
    assert host.run(ctx)["back-up"].facts["backup"] == backup.id


def test_create_takes_up_what_an_earlier_run_could_not_record(host: Host) -> None:
    host.vault.fails["created"] = RuntimeError("killed")
    steps = host.steps()
    steps["check"].do()
    with pytest.raises(RuntimeError):
        steps["back-up"].do()
    host.vault.fails.clear()
    facts = host.run_later(1)["back-up"].facts
    assert facts["taken_up"] == 1
    assert [one.id for one in host.ledger.known("local", "task")] == host.ids()
    assert len(host.ids()) == 2


def test_create_with_the_store_lost_takes_all_up(host: Host) -> None:
    for _ in range(3):
        host.run_later(1)
    host.ledger.backups.clear()
    host.memory.facts.clear()
    assert host.run_later(1)["back-up"].facts["taken_up"] == 3
    assert len(host.ledger.known("local", "task")) == 4


def test_create_while_another_agent_is_at_it_is_refused(host: Host) -> None:
    host.vault.locked = True
    with pytest.raises(Refused, match="another agent"):
        host.run()
    assert host.ids() == []


def test_create_where_the_repository_is_gone_makes_no_other_unless_told_to(host: Host) -> None:
    host.run()
    host.vault.stored.clear()
    host.vault.made = False
    with pytest.raises(ListingFailed, match="there is no repository"):
        host.run_later(1)
    with pytest.raises(ListingFailed, match="there is no repository"):
        host.previews()
    assert not host.vault.made
    host.run_later(1, vanished="forget", keep={"last": 1})
    assert len(host.ids()) == 1


def test_create_with_a_listing_that_fails_makes_and_removes_nothing(host: Host) -> None:
    host.run()
    host.vault.fails["listing"] = ListingFailed("page 2 is missing")
    with pytest.raises(ListingFailed):
        host.run_later(1, keep={"last": 1})
    assert len(host.ids()) == 1


def test_create_told_to_stop_while_the_engine_works_stops(host: Host) -> None:
    host.vault.fails["create"] = RunFailed("tar was killed by signal SIGTERM")
    host.vault.before["create"] = lambda: setattr(host.stop, "raised", True)
    with pytest.raises(StopRequested):
        host.run()


def test_create_previews_what_it_then_does(host: Host) -> None:
    first = host.previews()
    assert first["check"].summary == "back up 2 files of 6 bytes and 1 database to local"
    assert first["back-up"].summary.startswith("make the first backup, or fail: local: there is no repository")
    assert host.vault.did == []
    host.run()
    host.clock.advance(86400)
    again = host.previews()["back-up"]
    assert again.facts == {"level": "incremental", "parent": host.ids()[0], "backups": 1}
    assert "can be built on" in again.summary
    host.run()
    assert host.levels() == ["full", "incremental"]


def test_create_previews_without_a_trace(host: Host) -> None:
    host.run()
    state = sorted((host.place / "state").rglob("*"))
    before = (dict(host.memory.facts), dict(host.ledger.backups), list(host.vault.did), host.ids())
    host.previews(keep={"last": 1})
    assert (dict(host.memory.facts), dict(host.ledger.backups), list(host.vault.did), host.ids()) == before
    assert sorted((host.place / "state").rglob("*")) == state


def test_create_is_resumed_and_says_of_each_step_how_it_is_taken_back(host: Host) -> None:
    assert ACTION.on_interrupt(None) is OnInterrupt.RESUME
    steps = host.steps(keep={"last": 1}).values()
    assert [step.name for step in steps] == ["check", "back-up", "verify", "prune", "tell"]
    assert all(step.irreversible for step in steps)


def test_create_in_an_unknown_zone_fails(host: Host) -> None:
    with pytest.raises(RunFailed, match="there is no 'Mars/Olympus'"):
        host.run(timezone="Mars/Olympus")
