"""A real server, backed up and brought back with pgBackRest."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from agent.drivers.physical import Physical, RecoveryTarget
from agent.drivers.repository import Damaged, ListingFailed, Selection
from agent.errors import Refused, RunFailed
from agent.model.backups import Level
from agent.ports import StopRequested
from tests.system.backups import stanza
from tests.system.backups.stanza import HOST, TASK, Stanza, made, order
from tests.system.databases import servers


def orders(shop: Stanza) -> int:
    return int(shop.server.sql("select max(n) from orders", "shop")[0])


def test_chain_is_listed_with_what_each_level_builds_on(shop: Stanza) -> None:
    with shop.opened() as repository:
        assert isinstance(repository, Physical)
        full, diff, incr = repository.listing(HOST, TASK).backups[:3]
        assert [one.level for one in (full, diff, incr)] == [Level.FULL, Level.DIFFERENTIAL, Level.INCREMENTAL]
        assert (full.parent, diff.parent, incr.parent) == ("", full.id, diff.id)
        assert full.stored > 10 * diff.stored > 0
        assert full.parts[0].name == "shop"
        assert repository.listing("other", TASK).backups == ()
        assert repository.listing(HOST, "other").backups == ()
    assert shop.progress[-1] == (100, 100, "percent")


def test_recovered_server_has_what_the_backup_had(shop: Stanza) -> None:
    with shop.opened() as repository:
        full, _, incr = repository.listing(HOST, TASK).backups[:3]
        for rows, backup in ((101, full), (103, incr)):
            with repository.recovered(backup, None) as server:
                assert server.counts() == {"shop.public.orders": rows}
                assert server.query("select max(n) from orders") == str(rows)
                assert server.query("show archive_mode") + server.query("show listen_addresses") == "off"


def test_point_in_time_between_two_transactions_shows_the_first_alone(shop: Stanza) -> None:
    order(shop)
    seen = orders(shop)
    [between] = shop.server.sql("select clock_timestamp() at time zone 'utc'")
    shop.server.sql("select pg_create_restore_point('between')")
    order(shop)
    shop.archived()
    targets = {
        seen: (
            RecoveryTarget(time=datetime.fromisoformat(between).replace(tzinfo=UTC)),
            RecoveryTarget(name="between"),
        ),
        seen + 1: (RecoveryTarget(latest=True),),
    }
    with shop.opened() as repository:
        newest = repository.listing().backups[-1]
        for most, reached in targets.items():
            for target in reached:
                with repository.recovered(newest, target) as server:
                    assert server.query("select max(n) from orders") == str(most)


def test_target_out_of_reach_is_refused_with_what_can_be_reached(shop: Stanza) -> None:
    with shop.opened() as repository:
        newest = repository.listing().backups[-1]
        end = datetime.fromtimestamp(newest.ended, UTC)
        for target, words in (
            (RecoveryTarget(time=end - timedelta(seconds=5)), "take an older backup"),
            (RecoveryTarget(time=end + timedelta(days=1)), "can be reached"),
            (RecoveryTarget(lsn="0/1000000"), "take an older backup"),
            (RecoveryTarget(lsn="F/1000000"), "does not reach the target: the last transaction in it is of"),
        ):
            with pytest.raises(RunFailed, match=words), repository.recovered(newest, target):
                pass


def test_backup_told_to_stop_or_killed_is_none_and_the_next_one_works(shop: Stanza) -> None:
    with shop.opened() as repository:
        before = repository.listing().backups

        class Ending(list[tuple[int, int, str]]):
            def append(self, told: tuple[int, int, str]) -> None:
                shop.stop = True

        class Killing(list[tuple[int, int, str]]):
            def append(self, told: tuple[int, int, str]) -> None:
                for child in psutil.Process().children(recursive=True):
                    # The server's own, which keeps its log, comes and goes meanwhile.
                    with suppress(psutil.NoSuchProcess):
                        if child.name() == "pgbackrest":
                            child.kill()

        try:
            shop.progress = Ending()
            with pytest.raises(StopRequested):
                made(repository, Level.FULL)
            shop.stop = False
            assert repository.listing().backups == before
            shop.progress = Killing()
            with pytest.raises(RunFailed):
                made(repository, Level.FULL)
        finally:
            shop.progress, shop.stop = [], False
        left = repository.listing()
        assert left.backups == before
        backup = made(repository, Level.FULL)
        assert repository.listing().backups == (*before, backup)
        assert repository.listing().junk == ()
        assert repository.sweep() == ()
        repository.verify(backup, deep=True)


def test_backup_that_would_build_on_another_tasks_is_full(shop: Stanza) -> None:
    with shop.opened() as repository:
        other = made(repository, Level.INCREMENTAL, task="other")
        assert (other.level, other.parent, other.task) == (Level.FULL, "", "other")
        repository.remove((other,))


def test_stanza_in_use_is_refused(shop: Stanza) -> None:
    servers.run_as_owner(["touch", str(shop.place / "lock" / "demo-backup.lock")])
    with shop.opened() as repository, (shop.place / "lock" / "demo-backup.lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="another pgbackrest"):
            made(repository, Level.FULL)


def test_second_run_of_a_task_is_refused(shop: Stanza) -> None:
    with shop.opened() as repository, repository.lock(HOST, TASK), pytest.raises(Refused):
        repository.lock(HOST, TASK).__enter__()


def test_listing_that_fails_is_an_error_with_its_reason(shop: Stanza, monkeypatch: pytest.MonkeyPatch) -> None:
    for settings, words in (
        ({"config": "/nonexistent/pgbackrest.conf"}, "/nonexistent/pgbackrest.conf"),
        ({"stanza": "nobodys"}, "nobodys"),
    ):
        with shop.opened(**settings) as repository, pytest.raises(ListingFailed, match=words):
            repository.listing()
    if os.geteuid() == 0:
        shop.config.chmod(0o600)
        os.chown(shop.config, 0, 0)
        with shop.opened() as repository, pytest.raises(ListingFailed, match="Permission denied"):
            repository.listing()
        shop.config.chmod(0o644)
    monkeypatch.setenv("PATH", "/nonexistent")
    with shop.opened() as repository, pytest.raises(ListingFailed, match="apt install pgbackrest"):
        repository.listing()


def test_repository_that_has_gone_is_not_made_anew(shop: Stanza) -> None:
    with shop.opened() as repository:
        repository.prepare()
        shop.write({str(shop.repository): f"{shop.place}/unmounted"})
        try:
            with pytest.raises(RunFailed, match="mounted"):
                repository.prepare()
            with pytest.raises(ListingFailed):
                repository.listing()
        finally:
            shop.write({})


def test_removal_leaves_what_is_needed_and_the_rest_recoverable(shop: Stanza) -> None:
    with shop.opened() as repository:
        *_, last = made(repository, Level.FULL), made(repository, Level.INCREMENTAL)
        every = repository.listing().backups
        fulls = [one for one in every if one.level is Level.FULL]
        kept = {last.id, last.parent}
        with pytest.raises(Refused, match="needs"):
            repository.remove((fulls[0],))
        with pytest.raises(Refused, match="last full"):
            repository.remove(every)
        freed = repository.remove([one for one in every if one.id not in kept])
        left = repository.listing().backups
        assert {one.id for one in left} == kept
        assert freed > fulls[0].stored
        archive = shop.repository / "archive" / "demo" / "15-1" / "0000000100000000"
        assert min(name[:24] for name in os.listdir(archive)) == left[0].parts[0].facts["wal_start"]
        assert repository.verify(left[0], deep=True) == left[0].stored
        with repository.recovered(last, RecoveryTarget(latest=True)) as server:
            assert server.query("select count(*) from orders") == str(orders(shop))


def test_server_without_archiving_is_told_the_two_lines() -> None:
    with stanza.running(archiving=lambda _server: "") as it, it.opened() as repository:
        with pytest.raises(RunFailed) as raised:
            repository.prepare()
        command = f"pgbackrest --config={it.config} --stanza=demo archive-push %p"
        assert str(raised.value).splitlines()[-2:] == ["archive_mode = on", f"archive_command = '{command}'"]


def test_server_with_files_elsewhere_and_settings_of_its_host_is_recovered_within_scratch() -> None:
    with stanza.running() as it, it.opened() as repository:
        elsewhere = it.place / "space"
        servers.run_as_owner(["mkdir", str(elsewhere)])
        it.server.sql(f"create tablespace fast location '{elsewhere}'")
        it.server.create("shop")
        it.server.sql('create table "T.x" tablespace fast as select generate_series(1, 7) as n', "shop")
        it.server.sql("alter system set shared_preload_libraries = 'nowhere'")
        it.server.sql(f"alter system set recovery_end_command = 'touch {elsewhere}/ran'")
        repository.prepare()
        backup = made(repository, Level.FULL)
        with repository.recovered(backup, None) as server:
            assert server.counts() == {'shop.public."T.x"': 7}
            with pytest.raises(RunFailed, match="nowhere"):
                server.query("select 1", "nowhere")
        assert len(os.listdir(elsewhere)) == 1
        with pytest.raises(RunFailed, match=f"has files in {elsewhere} too"):
            repository.beside(backup, None, "1")
        before = sorted(os.listdir(it.place))
        servers.run_as_owner(["mkdir", f"{it.place}/to"])
        for bundle in (it.repository / "backup" / "demo" / backup.id / "bundle").iterdir():
            content = bytearray(bundle.read_bytes())
            content[len(content) // 2] ^= 1
            bundle.write_bytes(content)
        with pytest.raises(Damaged):
            repository.restore(backup, Selection(), f"{it.place}/to")
        os.rmdir(it.place / "to")
        assert sorted(os.listdir(it.place)) == before


def test_encrypted_server_is_brought_back_beside_the_live_one_and_takes_its_place() -> None:
    cipher = "repo1-bundle=n\nrepo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass=geheim"
    changes = {"repo1-bundle=y": cipher, "compress-type=zst": "compress-type=gz"}
    with stanza.running(changes) as it, it.opened() as repository:
        it.server.sql("create table notes as select generate_series(1, 10) as n", "postgres")
        repository.prepare()
        backup = made(repository, Level.FULL)
        repository.verify(backup, deep=True)
        it.server.sql("delete from notes", "postgres")
        repository.aside(backup, "1").discard()
        beside = repository.beside(backup, None, "1")
        assert repository.aside(backup, "1") == beside
        assert repository.beside(backup, None, "1") == beside
        with pytest.raises(RunFailed, match="is at work"):
            beside.swap()
        assert f"mv {beside.directory} {it.server.data}" in beside.steps()
        control = servers.program("pg_ctl")
        servers.run_as_owner([control, "-D", str(it.server.data), "-m", "fast", "-w", "stop"])
        for act, rows in ((beside.swap, "10"), (beside.swap_back, "0")):
            act()
            act()
            log = it.place / "log" / "server"
            servers.run_as_owner([control, "-D", str(it.server.data), "-l", str(log), "-w", "start"])
            assert it.server.sql("select count(*) from notes", "postgres") == [rows]
            servers.run_as_owner([control, "-D", str(it.server.data), "-m", "fast", "-w", "stop"])
        beside.swap()
        beside.discard()
        assert sorted(name for name in os.listdir(it.place) if name.startswith("data")) == ["data"]
