from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agent.drivers.physical import RecoveryTarget
from agent.drivers.repositories.pgbackrest import beside, info, preparing, settings, targets, verifying
from agent.drivers.repositories.pgbackrest.commands import words
from agent.drivers.repositories.pgbackrest.create import refuse
from agent.drivers.repository import Damaged, ListingFailed, Request
from agent.errors import RunFailed
from agent.model.backups import Level
from tests.drivers.repositories.pgbackrest.told import Teller, engine, told
from tests.drivers.repositories.pgbackrest.told import info as telling


class Named:
    """What a request needs of a database."""

    def __init__(self, engine: str) -> None:
        self.name, self.engine = "shop", engine


def request(*, paths: tuple[str, ...] = (), databases: tuple[Any, ...] = ()) -> Request:
    return Request(
        host="db1",
        task="backup-shop",
        level=Level.FULL,
        parent=None,
        now=0.0,
        paths=paths,
        exclude=(),
        one_file_system=False,
        databases=databases,
    )


def test_only_one_database_of_a_postgresql_server_is_backed_up() -> None:
    one = Named("postgresql")
    assert refuse("pg", request(databases=(one,))) == ""
    assert "back up /srv by another task" in refuse("pg", request(paths=("/srv",), databases=(one,)))
    assert "not 2" in refuse("pg", request(databases=(one, one)))
    assert "not 0" in refuse("pg", request())
    assert "shop is none" in refuse("pg", request(databases=(Named("mysql"),)))


@pytest.mark.parametrize("code", [info.NO_STANZA, info.NO_DATA, 4, 5, 99])
def test_status_that_is_not_ok_is_no_listing(code: int) -> None:
    with pytest.raises(ListingFailed, match="so it is"):
        info.listed(engine(Teller({"info": (0, telling(code, told()))})))


@pytest.mark.parametrize("text", ["", "[]", "{}", '[{"name":"demo"}]', telling(0, {"label": "x"})])
def test_answer_that_is_not_understood_is_no_listing(text: str) -> None:
    with pytest.raises(ListingFailed):
        info.listed(engine(Teller({"info": (0, text)})))


def test_no_backup_is_an_empty_listing() -> None:
    assert info.listed(engine(Teller({"info": (0, telling(info.NO_BACKUP))}))).backups == ()


def test_wrong_pages_and_unknown_kinds_are_no_good_backups() -> None:
    asked = engine(Teller())
    stanza = info.listed(engine(Teller({"info": (0, telling(0, told(error=True), told("new", type="block")))})))
    wrong, unknown = stanza.backups
    assert "wrong checksums" in info.backup_of(asked, stanza, wrong).flaws[0]
    with pytest.raises(ListingFailed, match="block"):
        info.backup_of(asked, stanza, unknown)


@pytest.mark.parametrize("said", ["", "stanza: demo\nstatus: ok\n", "stanza: demo\nstatus: error (no backups)\n"])
def test_verification_that_says_nothing_is_none(said: str) -> None:
    with pytest.raises(RunFailed, match="nothing is verified"):
        verifying.read(engine(Teller({"verify": (0, said)})))


@pytest.mark.parametrize(("option", "waited"), [("archive-async=y", 10.0), ("archive-async=n", 0.0)])
def test_segments_that_arrive_in_any_order_are_waited_for(tmp_path: Path, option: str, waited: float) -> None:
    config = tmp_path / "pgbackrest.conf"
    config.write_text(f"[global]\n{option}\n")
    log = {
        f"0000000100000000/{3 + at:024X}-{'a' * 40}".replace("/00000000", "/00000001"): {"type": "file"}
        for at in (0, 2)
    }
    answers = {"info": (0, telling(0, told())), "archive/demo/15-1": (0, json.dumps(log)), "repo-ls": (0, "{}")}
    asked = engine(Teller({**answers, "repo-get": (55, "ERROR: gone")}), str(config))
    began = asked.tools.clock.monotonic()
    stanza = info.listed(asked)
    with pytest.raises(Damaged, match="segment 000000010000000000000004 is missing, beyond which"):
        verifying.Verifying(asked).verify(info.backup_of(asked, stanza, stanza.backups[0]), deep=False)
    assert asked.tools.clock.monotonic() - began == waited


def test_stanza_is_made_once_and_never_over_one_that_has_gone(tmp_path: Path) -> None:
    teller = Teller({"version": (0, "pgBackRest 2.45\n"), "info": (0, telling(info.NO_STANZA))})
    asked = engine(teller, keep=str(tmp_path / "keep"))
    preparing.prepare(asked)
    assert [argv[3] for argv in teller.ran if len(argv) > 3] == ["info", "stanza-create", "check"]
    with pytest.raises(RunFailed, match="mounted"):
        preparing.prepare(asked)


@pytest.mark.parametrize(("said", "wanted"), [("pgBackRest 2.44", "too old"), ("huh", "does not tell its version")])
def test_unfit_engine_is_told_with_what_to_install(said: str, wanted: str) -> None:
    with pytest.raises(RunFailed, match=f"{wanted}.*apt install pgbackrest"):
        preparing.prepare(engine(Teller({"version": (0, said)})))


def test_targets_are_said_in_pgbackrests_words() -> None:
    noon = datetime(2026, 3, 1, 12, 30, 0, 5, tzinfo=timezone(timedelta(hours=1)))
    assert targets.options(RecoveryTarget(time=noon))[1] == "--target=2026-03-01 11:30:00.000005+00"
    assert targets.options(RecoveryTarget(lsn="0/3"))[:2] == ("--type=lsn", "--target=0/3")
    assert targets.options(RecoveryTarget(name="x"))[:2] == ("--type=name", "--target=x")
    assert targets.options(RecoveryTarget(latest=True)) == ("--type=default",)
    assert targets.options(None)[0] == "--type=immediate"
    assert noon.astimezone(UTC).hour == 11
    with pytest.raises(RunFailed, match="no position"):
        targets.position("3000148")


def test_error_is_quoted_from_its_first_line_on() -> None:
    said = "2026-03-01 12:00:00.000 P00   INFO: begin\n2026-03-01 12:00:01.000 P00  ERROR: [055]: gone\n  HINT: look\n"
    assert words(said) == "ERROR: [055]: gone HINT: look"
    assert words("") == "nothing"


def test_options_come_from_the_stanza_before_all(tmp_path: Path) -> None:
    config = tmp_path / "pgbackrest.conf"
    config.write_text("[global]\npg1-user=all\nrepo1-retention-archive=2\n# no=comment\n[demo]\npg1-user=mine\n")
    asked = engine(Teller(), str(config))
    assert settings.role(asked) == "mine"
    assert settings.expires_log(asked)
    assert settings.of(asked, "cmd") == ""


def test_directories_change_places_as_often_as_asked(tmp_path: Path) -> None:
    places = beside.Directories(*(str(tmp_path / name) for name in ("data", "data.restored-1", "data.before-1")))
    for path, text in ((places.live, "old"), (places.directory, "new")):
        os.mkdir(path)
        Path(path, "file").write_text(text)
    live = Path(places.live, "file")
    for act, text in ((places.swap, "new"), (places.swap_back, "old"), (places.swap, "new")):
        for _ in range(2):
            act()
            assert live.read_text() == text
    os.rename(places.live, places.directory)
    places.swap()
    assert live.read_text() == "new"
    places.discard()
    assert os.listdir(tmp_path) == ["data"]
