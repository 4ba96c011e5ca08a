from __future__ import annotations

import pytest

from agent.actions.backup.verify import ACTION, every_of
from agent.drivers.repository import ListingFailed, ReadOnly
from agent.errors import RunFailed
from agent.model.actions import OnInterrupt
from agent.ports import StopRequested
from tests.actions.backup.world import DAY, JUNK, Host

NEVER_DEEP = {"deep": None}


def filled(host: Host, number: int) -> list[str]:
    """Make so many backups, a day apart; return their ids, and forget that they were looked at."""
    for _ in range(number):
        host.run_later(1)
    host.vault.did.clear()
    host.ledger.checked.clear()
    return host.ids()


def test_verify_looks_at_the_structure_of_every_backup(host: Host) -> None:
    ids = filled(host, 3)
    facts = host.verify(**NEVER_DEEP)["structure"].facts
    assert host.vault.did == [f"verify {one}" for one in ids]
    assert facts == {"backups": 3, "damaged": 0, "vanished": 0, "junk": 0}
    assert {one: found.deep for one, found in host.ledger.verifications("local").items()} == dict.fromkeys(ids, False)


def test_verify_reads_all_backups_in_time_and_none_too_often(host: Host) -> None:
    ids = filled(host, 10)
    read: list[str] = []
    for _ in range(20):
        host.clock.advance(DAY)
        host.vault.did.clear()
        host.verify(deep={"every": "10d"})
        read += [did.removeprefix("verify deep ") for did in host.vault.did if "deep" in did]
    assert set(read[:11]) == set(ids)
    assert 19 <= len(read) <= 22
    assert max(read.count(one) for one in ids) - min(read.count(one) for one in ids) <= 1


def test_verify_pays_a_large_backup_off_before_it_reads_the_next(host: Host) -> None:
    (host.data / "large").write_bytes(bytes(100_000))
    filled(host, 1)
    (host.data / "large").unlink()
    for _ in range(9):
        host.run_later(1, full={"every": "1m"})
    often = []
    for _ in range(10):
        host.clock.advance(DAY)
        host.vault.did.clear()
        host.verify(deep={"every": "10d"})
        often.append(sum("deep" in did for did in host.vault.did))
    assert often[0] == 1
    assert often[1:7] == [0] * 6
    assert sum(often) <= 10


def test_verify_with_an_engine_that_reads_all_for_one_takes_the_others_for_read(host: Host) -> None:
    ids = filled(host, 10)
    host.vault.reads = [*[0] * 10, 1 << 30, *[0] * 9]
    facts = host.verify(deep={"every": "10d"})["deep"].facts
    assert (facts["backups"], facts["read_bytes"]) == (10, 1 << 30)
    assert sorted(did for did in host.vault.did if "deep" in did) == [f"verify deep {one}" for one in ids]
    host.clock.advance(6 * DAY)
    assert host.verify(deep={"every": "10d"})["deep"].facts["backups"] == 0
    host.clock.advance(5 * DAY)
    assert host.verify(deep={"every": "10d"})["deep"].facts["backups"] != 0


@pytest.mark.parametrize("deep_only", [False, True])
def test_verify_of_a_damaged_backup_names_it_and_reads_on(host: Host, deep_only: bool) -> None:
    ids = filled(host, 3)
    host.vault.damage = {ids[0]: "files.tar.zst: the checksum is wrong", ids[1]: "manifest.json is missing"}
    host.vault.deep_only = set(ids) if deep_only else set()
    steps = host.verifying(deep={"every": "1h"})
    steps["structure"].do()
    steps["deep"].do()
    with pytest.raises(RunFailed) as raised:
        steps["tell"].do()
    for one in ids[:2]:
        assert f"{one} is damaged: {host.vault.damage[one]}" in str(raised.value)
    assert f"verify deep {ids[2]}" in host.vault.did
    found = host.ledger.verifications("local")
    assert {one for one in ids if found[one].flaws} == set(ids[:2])
    assert host.run_later(1)["back-up"].facts["level"] == "full"


def test_verify_keeps_what_it_found_until_a_deep_look_finds_it_whole(host: Host) -> None:
    (one,) = filled(host, 1)
    host.vault.damage = {one: "manifest.json is missing"}
    host.verifying(**NEVER_DEEP)["structure"].do()
    host.vault.damage = {}
    host.verify(**NEVER_DEEP)
    assert host.ledger.verifications("local")[one].flaws
    host.verify(deep={"every": "1h"})
    assert not host.ledger.verifications("local")[one].flaws


def test_verify_of_a_chain_with_a_gap_names_what_cannot_be_restored(host: Host) -> None:
    ids = filled(host, 3)
    del host.vault.stored[ids[0]]
    host.ledger.removed("local", [ids[0]])
    with pytest.raises(RunFailed, match=f"{ids[1]} is damaged: backup {ids[1]} cannot be restored: {ids[0]}"):
        host.verify(deep={"every": "1h"})
    assert not [did for did in host.vault.did if "deep" in did]
    assert host.ledger.verifications("local")[ids[1]].flaws


def test_verify_names_backups_that_are_gone(host: Host) -> None:
    ids = filled(host, 3)
    del host.vault.stored[ids[2]]
    with pytest.raises(RunFailed, match=f"{ids[2]}, which task made, is not there any more"):
        host.verify(**NEVER_DEEP)


def test_verify_names_the_backups_of_a_task_of_which_none_is_left(host: Host) -> None:
    filled(host, 1)
    gone = host.had("gone", 3, task="other")
    host.ledger.made(gone)
    del host.vault.stored["gone"]
    with pytest.raises(RunFailed, match="gone, which other made, is not there any more"):
        host.verify(**NEVER_DEEP)
    assert host.verify(**NEVER_DEEP, tasks=["task"])["structure"].facts["vanished"] == 0


def test_verify_forgets_what_was_removed_by_hand_where_it_is_told_to(host: Host) -> None:
    ids = filled(host, 3)
    del host.vault.stored[ids[2]]
    assert host.verify(**NEVER_DEEP, vanished="forget")["structure"].facts["vanished"] == 0
    assert host.verify(**NEVER_DEEP)["structure"].facts["vanished"] == 0
    assert [one.id for one in host.ledger.known("local", "task")] == ids[:2]


def test_verify_beside_a_run_at_work_does_not_look_for_what_is_gone(host: Host) -> None:
    ids = filled(host, 3)
    del host.vault.stored[ids[2]]
    host.vault.locked = True
    assert host.verify(**NEVER_DEEP)["structure"].facts["vanished"] == 0


def test_verify_of_a_repository_that_is_read_only_here_looks_for_what_is_gone(host: Host) -> None:
    ids = filled(host, 3)
    del host.vault.stored[ids[2]]
    host.vault.fails["lock"] = ReadOnly("cannot lock: its file system is read-only")
    with pytest.raises(RunFailed, match=f"{ids[2]}, which task made, is not there any more"):
        host.verify(**NEVER_DEEP)


def test_verify_of_a_backup_that_is_removed_meanwhile_is_no_damage(host: Host) -> None:
    ids = filled(host, 2)
    host.vault.damage = {ids[1]: "it is not there"}
    host.vault.before["verify"] = lambda: host.remove(ids[1])
    assert host.verify(**NEVER_DEEP)["structure"].facts["damaged"] == 0


def test_verify_tells_of_what_is_no_backup(host: Host) -> None:
    filled(host, 1)
    host.vault.junk.append(JUNK)
    outcome = host.verify(**NEVER_DEEP)["structure"]
    assert (outcome.facts["junk"], outcome.output) == (1, "no backup: half: it has no manifest")


def test_verify_of_tasks_leaves_others_out(host: Host) -> None:
    filled(host, 1)
    host.had("other", 3, task="other")
    host.verify(tasks=["other"], **NEVER_DEEP)
    assert host.vault.did == ["verify other"]
    host.vault.did.clear()
    host.verify(**NEVER_DEEP)
    assert len(host.vault.did) == 2


def test_verify_of_nothing_fails(host: Host) -> None:
    host.vault.made = True
    with pytest.raises(RunFailed, match="local has no backups of host: there is nothing to verify"):
        host.verify()
    filled(host, 1)
    with pytest.raises(RunFailed, match="has no backups of other"):
        host.verify(tasks=["other"])


def test_verify_with_a_listing_that_fails_fails(host: Host) -> None:
    filled(host, 1)
    host.vault.fails["listing"] = ListingFailed("page 2 is missing")
    with pytest.raises(ListingFailed):
        host.verify()


def test_verify_interrupted_goes_on_where_it_was_and_forgets_no_damage(host: Host) -> None:
    ids = filled(host, 4)
    host.vault.damage = {ids[0]: "manifest.json is missing"}
    ctx = host.context()
    host.stop.after = 2
    with pytest.raises(StopRequested):
        host.verifying(ctx, **NEVER_DEEP)["structure"].do()
    host.stop.raised, host.stop.after = False, None
    steps = host.verifying(ctx, **NEVER_DEEP)
    steps["structure"].do()
    assert host.vault.did == [f"verify {one}" for one in ids]
    with pytest.raises(RunFailed, match=f"{ids[0]} is damaged"):
        steps["tell"].do()


def test_verify_interrupted_reads_no_backup_twice(host: Host) -> None:
    ids = filled(host, 4)
    ctx = host.context()
    host.stop.after = 2
    with pytest.raises(StopRequested):
        host.verifying(ctx, deep={"every": "1h"})["deep"].do()
    host.stop.raised, host.stop.after = False, None
    host.verifying(ctx, deep={"every": "1h"})["deep"].do()
    assert sorted(host.vault.did) == [f"verify deep {one}" for one in ids]


def test_verify_told_to_stop_while_the_engine_works_stops(host: Host) -> None:
    filled(host, 1)
    host.vault.fails["verify"] = RunFailed("zstd was killed by signal SIGTERM")
    host.vault.before["verify"] = lambda: setattr(host.stop, "raised", True)
    with pytest.raises(StopRequested):
        host.verify(**NEVER_DEEP)


def test_verify_previews_what_it_then_reads(host: Host) -> None:
    ids = filled(host, 10)
    preview = {name: step.preview(lambda _: None) for name, step in host.verifying(deep={"every": "10d"}).items()}
    assert preview["structure"].summary == "verify the structure of 10 backups in local"
    assert preview["deep"].summary == "read 1 of 10 backups (503 bytes); all within 1w3d"
    assert host.vault.did == []
    host.verify(deep={"every": "10d"})
    assert [did for did in host.vault.did if "deep" in did] == [f"verify deep {ids[0]}"]


def test_verify_reads_in_the_time_or_the_share_that_is_written() -> None:
    assert every_of(None) is None
    assert every_of({"every": 30 * DAY, "percent_per_day": None}) == 30 * DAY
    assert every_of({"every": None, "percent_per_day": 5}) == 20 * DAY
    assert ACTION.on_interrupt(None) is OnInterrupt.RESUME
