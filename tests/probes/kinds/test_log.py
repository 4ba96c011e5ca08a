from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import cast

import pytest

from agent.errors import RunFailed
from agent.host.asides import Answer, Asides
from agent.host.clock import SystemClock
from agent.ports import Command, Completed
from agent.probes.answers import failed
from agent.probes.kind import Tools
from agent.probes.kinds.log import KIND
from tests.journals import write_journal
from tests.probes.kinds.measuring import Asked


def write(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def counted(asked: Asked) -> tuple[float, float]:
    found, error = asked.measure()
    assert error == ""
    return found["lines"], found["matches"]


def test_log_counts_what_is_new_and_what_is_looked_for(tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    write(log, b"ERROR old\n")
    asked = Asked(
        tmp_path, "log", {"files": [str(log)], "match": ["ERROR", "status=5[0-9][0-9]"], "exclude": ["quiet"]}
    )
    first, error = asked.measure()
    assert (error, "lines" in first) == ("", False)
    write(log, b"INFO one\nERROR two\nGET status=503\nERROR quiet\nGET status=200\nERROR hal")
    found, _ = asked.measure()
    assert (found["lines"], found["matches"]) == (5, 2)
    assert found["lines_per_second"] > found["matches_per_second"] > 0
    assert found["last_match_seconds"] < 60
    write(log, b"f\n")
    assert counted(asked) == (1, 1)
    assert counted(asked) == (0, 0)


@pytest.mark.parametrize("pack", ["", "zstd"])
def test_log_follows_through_rotation_and_when_it_is_begun_anew(tmp_path: Path, pack: str) -> None:
    log = tmp_path / "app.log"
    write(log, b"one\n")
    settings = {"files": [f"{tmp_path}/*.log"], "match": ["t"]}
    Asked(tmp_path, "log", settings).measure()
    write(log, b"two\n")
    old = log.rename(tmp_path / "app.log.1")
    if pack:
        assert shutil.which("zstd"), "zstd is missing: it is in tests/apt.txt"
        subprocess.run(["zstd", "-q", "--rm", str(old)], check=True)
    write(log, b"three\n")
    assert counted(Asked(tmp_path, "log", settings)) == (2, 2)
    shutil.copy(log, tmp_path / "app.log.0")
    os.truncate(log, 0)
    write(log, b"four\n")
    assert counted(Asked(tmp_path, "log", settings)) == (1, 0)


def test_log_that_is_not_there_or_no_log_is_an_error(tmp_path: Path) -> None:
    for name in ("none.log", "directory.log", "link.log"):
        (tmp_path / "directory.log").mkdir(exist_ok=True)
        if not (tmp_path / "link.log").is_symlink():
            (tmp_path / "link.log").symlink_to("/etc/hostname")
        found, error = Asked(tmp_path, "log", {"files": [str(tmp_path / name)]}).measure()
        assert name in error
        assert "lines" not in found


def test_log_that_no_file_fits_has_no_data_and_is_read_from_its_beginning_once_there_is_one(tmp_path: Path) -> None:
    asked = Asked(tmp_path, "log", {"files": [f"{tmp_path}/*.log"], "match": ["ERROR"]})
    for _ in range(2):
        found, error = asked.measure()
        assert (error, "lines" in found, found["up"]) == ("", False, 1)
    write(tmp_path / "app.log", b"INFO one\nERROR two\n")
    assert counted(asked) == (2, 1)
    assert counted(asked) == (0, 0)


def test_log_that_could_not_be_read_for_a_while_is_counted_once_it_can_be(tmp_path: Path) -> None:
    logs = [tmp_path / "a.log", tmp_path / "b.log"]
    for log in logs:
        write(log, b"old\n")
    asked = Asked(tmp_path, "log", {"files": [str(log) for log in logs]})
    asked.measure()
    for log in logs:
        write(log, b"new\n")
    away = logs[1].rename(tmp_path / "away")
    logs[1].mkdir()
    found, error = asked.measure()
    assert ("b.log" in error, "lines" in found) == (True, False)
    logs[1].rmdir()
    away.rename(logs[1])
    assert counted(asked) == (2, 2)


def test_log_whose_name_is_no_text_is_one_like_others(tmp_path: Path) -> None:
    log = tmp_path / "\udcff.log"
    write(log, b"broken\n")
    settings = {"files": [f"{tmp_path}/*.log"], "match": ["broken"]}
    assert Asked(tmp_path, "log", settings).measure()[1] == ""
    write(log, b"fine\nbroken\n")
    assert counted(Asked(tmp_path, "log", settings)) == (2, 1)
    assert failed(RunFailed(f"{log.name}: gone"), 0.1).error == "\\udcff.log: gone"


def test_log_of_a_journal_counts_its_entries(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    place.mkdir()
    settings = {"journal": {"directory": str(place), "units": ["app.service"]}, "match": ["broken"]}
    _, error = Asked(tmp_path, "log", settings).measure()
    assert "journalctl could not read the journal" in error
    write_journal(place / "one.journal", [("broken", 3)])
    asked = Asked(tmp_path, "log", settings)
    assert asked.measure()[1] == ""
    write_journal(place / "two.journal", [("fine", 6), ("broken", 3)], first=100)
    assert counted(asked) == (2, 1)
    assert counted(asked) == (0, 0)


def test_log_of_a_journal_passes_over_an_entry_that_is_too_large_to_be_read(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    place.mkdir()
    write_journal(place / "one.journal", [("old", 6)])
    settings = {"journal": {"directory": str(place), "units": []}, "match": ["broken"]}
    asked = Asked(tmp_path, "log", settings, 60.0)
    assert asked.measure()[1] == ""
    # Each byte that is no text is told in four.
    write_journal(place / "two.journal", [("fine", 6), ("\udcff" * (9 << 19), 6), ("broken", 3)], first=100)
    assert [counted(asked) for _ in range(4)] == [(1, 0), (1, 0), (1, 1), (0, 0)]


class Slow:
    """A journalctl that tells what it is made with, call by call, and is ended at its time in the second call."""

    def __init__(self, *said: bytes) -> None:
        self._said = list(said)
        self.asked: list[tuple[str, ...]] = []

    def ask(self, command: Command, _stop: object, *, most: int = 0) -> Answer:
        del most
        self.asked.append(command.argv)
        if "--header" in command.argv:
            return Answer(Completed(0, "", 0, False, 0.0), b"", False)
        late = len(self._said) == 2
        return Answer(Completed(-15 if late else 0, "", 0, late, 0.0), self._said.pop(0), False)


def test_log_of_a_journal_that_is_far_behind_goes_on_where_its_time_was_over(tmp_path: Path) -> None:
    entries = [b'{"__CURSOR":"c%d","MESSAGE":"broken","PRIORITY":"3"}\n' % number for number in range(4)]
    slow = Slow(entries[0], entries[1] + entries[2] + entries[3][:9], entries[3])
    tools = Tools(processes=cast("Asides", slow), clock=SystemClock(), stop=lambda: False, scratch=str(tmp_path))
    settings = {"journal": {"directory": "/j", "units": []}, "match": ["broken"], "exclude": []}
    log = KIND.connect("it", settings, tools)
    log.measure(5.0)
    with pytest.raises(RunFailed, match="journalctl could not read the journal"):
        log.measure(5.0)
    found = {one.signal: one.value for one in log.measure(5.0).samples}
    assert "--after-cursor=c2" in slow.asked[-1]
    assert (found["lines"], found["matches"]) == (3, 3)
