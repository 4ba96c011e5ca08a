from __future__ import annotations

import gzip
import os
import random
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from agent.actions.logs._state import KEY, State
from agent.actions.logs.analyze import ACTION, Options
from agent.errors import RunFailed
from agent.host.processes import SystemProcesses
from agent.ports import StopRequested
from tests.fakes import FakeClock, FakeDiscoveries, FakeMemory, Stop, context

DAY = 86400.0


class Analyst:
    """Runs an analysis again and again, as the engine does; the clock is that of the files."""

    def __init__(self, **options: object) -> None:
        self.clock = FakeClock()
        self.memory, self.found = FakeMemory(), FakeDiscoveries()
        self.runs = 0
        defaults = {
            "files": (),
            "journal": None,
            "start": "beginning",
            "learn": DAY,
            "report_from": "info",
            "sudden_changes": True,
            "max_templates": 1000,
            "forget_after": 30 * DAY,
            "max_bytes": 1 << 30,
            "mask_addresses": False,
            "missing": "fail",
        }
        self.options = msgspec.convert({**defaults, **options}, Options)

    def run(self, stop: Stop | None = None, *, again: bool = False) -> dict[str, object]:
        self.runs += not again
        made = context(
            clock=self.clock,
            memory=self.memory,
            discoveries=self.found,
            processes=SystemProcesses(cgroups=False),
            stop=stop,
        )
        facts: dict[str, object] = {}
        for step in ACTION.plan(self.options, replace(made, run=self.runs)):
            step.preview(lambda _judgement: None)
            facts = dict(step.do().facts)
        return facts

    def number(self, signal: str, **labels: str) -> float:
        (value,) = [
            one.value for one in self.found.numbers["task"] if one.signal == signal and dict(one.labels) == labels
        ]
        return value

    def age(self, path: Path, seconds: float = 60.0) -> None:
        """Let a log have been quiet for so long."""
        at = self.clock.now().timestamp() - seconds
        os.utime(path, (at, at))

    def write(self, path: Path, text: bytes) -> None:
        with path.open("ab") as file:
            file.write(text)
        self.age(path)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "app.log"


def test_analyze_counts_by_level_and_template_and_reads_only_what_is_new(log: Path) -> None:
    analyst = Analyst(files=[str(log)])
    analyst.write(log, b"".join(b"12:00:%02d INFO request %d done\n" % (n, n) for n in range(30)) + b"ERROR broken\n")
    assert analyst.run()["lines"] == 31
    assert analyst.number("messages", level="info") == 30
    assert analyst.number("messages", level="error") == 1
    assert analyst.number("template_messages", level="info", template="<*> INFO request <*> done") == 30
    analyst.write(log, b"ERROR broken\n")
    assert analyst.run()["lines"] == 1
    assert analyst.run()["lines"] == 0
    assert analyst.number("messages", level="error") == 0


def test_analyze_finds_what_was_never_seen_before_once_it_has_learnt(log: Path) -> None:
    analyst = Analyst(files=[f"{log.parent}/*.log"])
    analyst.write(log, b"INFO request 1 done\nERROR never heard of\n")
    analyst.run()
    assert analyst.found.findings == {}
    analyst.clock.advance(2 * DAY)
    analyst.write(log, b"INFO request 2 done\nERROR disk sda failed, password=hunter2\n  at block 5\n")
    analyst.run()
    (finding,) = analyst.found.findings.values()
    assert finding.severity == "warning"
    assert "ERROR disk sda failed, password=[masked]" in finding.sentence
    assert finding.samples == ("ERROR disk sda failed, password=[masked]\n  at block 5",)
    assert "hunter2" not in repr(analyst.memory.facts)
    analyst.found.findings.clear()
    analyst.write(log, b"ERROR disk sda failed, password=hunter3\n")
    analyst.run()
    assert analyst.found.findings == {}


def test_analyze_of_more_that_is_new_than_anybody_reads_says_how_much(log: Path) -> None:
    analyst = Analyst(files=[str(log)], learn=0.0)
    words = ["abcdefghij"[n % 10] * (n // 10 + 1) for n in range(70)]
    analyst.write(log, b"".join(b"ERROR %s\n" % word.encode() for word in words))
    analyst.run()
    assert len(analyst.found.findings) == 51
    assert "20 more" in analyst.found.findings["templates-many"].sentence


def test_analyze_finds_a_sudden_rise_and_a_fall(log: Path) -> None:
    analyst = Analyst(files=[str(log)])
    for _ in range(4):
        analyst.write(log, b"ERROR broken\n" * 50)
        analyst.run()
        analyst.clock.advance(DAY)
    assert analyst.found.findings == {}
    analyst.write(log, b"ERROR broken\n" * 500)
    analyst.run()
    assert {"sudden-level-error-rise", "sudden-template-1-rise"} <= analyst.found.findings.keys()
    assert analyst.found.findings["sudden-template-1-rise"].samples == ("ERROR broken",)
    analyst.clock.advance(DAY)
    analyst.run()
    analyst.clock.advance(DAY)
    analyst.run()
    assert "sudden-level-error-fall" in analyst.found.findings


HOSTILE = {
    "a line of ten megabytes": (b"ERROR " + b"x" * (10 << 20) + b"\nINFO after\n", 2),
    "bytes that are no text": (b"ERROR \xff\xfe\x80 \xc3\n\x1b[31mINFO red\x07\n", 2),
    "zeros": (b"\0" * 5000 + b"ERROR a\0b\nINFO c\n", 2),
    "a line without an end": (b"INFO one\nERROR tw", 1),
    "empty lines": (b"\n\n\nINFO one\n\n", 5),
    "carriage returns": (b"INFO one\r\nERROR two\r\n", 2),
    "nothing": (b"", 0),
    "one word without an end": (b"\x00" * 100_000, 0),
    "many kinds of lines": (b"".join(b"%s\n" % os.urandom(16).hex().encode() for _ in range(5000)), 5000),
    "deep brackets": (b"ERROR " + b"[" * 100_000 + b"\n", 1),
    "words of separators": (b"ERROR " + b"= : ; , " * 50_000 + b"\n", 1),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_analyze_of_a_hostile_log_counts_its_lines(name: str, log: Path) -> None:
    content, lines = HOSTILE[name]
    analyst = Analyst(files=[str(log)], max_templates=50, learn=0.0)
    analyst.write(log, content)
    assert analyst.run()["lines"] == lines
    assert len(msgspec.json.encode(analyst.memory.facts)) < 1 << 20
    for finding in analyst.found.findings.values():
        assert len(finding.sentence) < 1000
        assert "\x1b" not in finding.sentence


@pytest.mark.parametrize("pack", ["gzip", "zstd", "plain"])
def test_analyze_after_rotation_finishes_the_old_log_whether_or_not_it_is_compressed(pack: str, log: Path) -> None:
    analyst = Analyst(files=[str(log)])
    analyst.write(log, b"INFO number 1\n")
    analyst.run()
    analyst.write(log, b"INFO number 2\n")
    old = log.rename(f"{log}.1")
    if pack == "gzip":
        (log.parent / "app.log.1.gz").write_bytes(gzip.compress(old.read_bytes()))
        old.unlink()
    elif pack == "zstd":
        if shutil.which("zstd") is None:
            pytest.fail("zstd is missing: it is in tests/apt.txt")
        subprocess.run(["zstd", "-q", "--rm", str(old)], check=True)
    analyst.write(log, b"INFO number 3\n")
    assert analyst.run()["lines"] == 2
    assert analyst.run()["lines"] == 0


def test_analyze_of_an_older_log_that_is_damaged_counts_what_could_be_read_once(log: Path) -> None:
    analyst = Analyst(files=[str(log), str(log.with_name("other.log"))])
    analyst.write(log, b"INFO number 1\n")
    analyst.write(log.with_name("other.log"), b"INFO other\n")
    analyst.run()
    chance = random.Random(1)
    content = log.read_bytes() + b"".join(b"INFO %x\n" % chance.getrandbits(400) for _ in range(30_000))
    log.unlink()
    packed = log.with_name("app.log.1.gz")
    packed.write_bytes(gzip.compress(content)[:-1000])
    analyst.write(log, b"INFO last\n")
    analyst.write(log.with_name("other.log"), b"INFO other\n")
    with pytest.raises(RunFailed, match=r"app\.log: its content cannot be unpacked"):
        analyst.run()
    first = analyst.number("lines")
    assert first > 1000
    packed.write_bytes(gzip.compress(content))
    analyst.run()
    assert first + analyst.number("lines") == 30_002


def test_analyze_of_a_log_that_was_truncated_says_that_something_is_lost(log: Path) -> None:
    analyst = Analyst(files=[str(log)])
    analyst.write(log, b"INFO number 1\n" * 10)
    analyst.run()
    log.write_bytes(b"")
    analyst.write(log, b"INFO number 2\n")
    assert analyst.run()["lines"] == 1
    assert analyst.number("lost") == 1


def test_analyze_with_a_bound_goes_on_in_the_next_run(log: Path) -> None:
    analyst = Analyst(files=[str(log)], max_bytes=1 << 20)
    analyst.write(log, (b"INFO a line of some length " + b"x" * 500 + b"\n") * 6_000)
    lines = [int(str(analyst.run()["lines"])) for _ in range(5)]
    assert sum(lines) == 6_000
    assert lines[-1] == 0
    assert max(lines) < 6_000


def test_analyze_of_what_cannot_be_read_reads_the_rest_and_fails(log: Path, tmp_path: Path) -> None:
    analyst = Analyst(files=[str(tmp_path / "none.log"), str(tmp_path / "link.log"), str(log)])
    (tmp_path / "link.log").symlink_to("/etc/hostname")
    analyst.write(log, b"INFO one\n")
    with pytest.raises(RunFailed, match=r"link\.log.*none\.log: there is no such log"):
        analyst.run()
    assert analyst.number("lines") == 1


def test_analyze_from_the_end_leaves_what_was_there(log: Path) -> None:
    analyst = Analyst(files=[str(log)], start="end")
    analyst.write(log, b"INFO old\n" * 1000)
    assert analyst.run()["lines"] == 0
    analyst.write(log, b"INFO new\n")
    assert analyst.run()["lines"] == 1


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("at", range(1, 6))
@pytest.mark.parametrize("written", [False, True])
def test_analyze_killed_around_a_write_neither_loses_nor_repeats_a_count(
    at: int, written: bool, tmp_path: Path
) -> None:
    analyst = Analyst(files=[f"{tmp_path}/*.log"])
    for number in range(4):
        analyst.write(tmp_path / f"{number}.log", b"INFO request 1 took a while\nERROR broken\n" * 100)
    total = 800
    remember, calls = analyst.memory.remember, 0

    def dying(key: str, value: object) -> None:
        nonlocal calls
        calls += 1
        if written:
            remember(key, value)
        if calls == at:
            raise Killed
        if not written:
            remember(key, value)

    analyst.memory.remember = dying  # type: ignore[method-assign]  # of a fake: it dies within a write
    with pytest.raises(Killed):
        analyst.run()
    analyst.memory.remember = remember  # type: ignore[method-assign]  # and lives again
    assert analyst.run(again=True)["lines"] == total


def test_analyze_told_to_stop_goes_on_where_it_was(log: Path) -> None:
    analyst = Analyst(files=[str(log)])
    analyst.write(log, (b"INFO a line of some length " + b"x" * 500 + b"\n") * 6_000)
    with pytest.raises(StopRequested):
        analyst.run(Stop(after=2))
    known = msgspec.convert(analyst.memory.facts[KEY], State, str_keys=True)
    assert 0 < known.tally.lines < 6_000
    assert analyst.run(again=True)["lines"] == 6_000


def test_analyze_with_nothing_to_read_needs_no_more_than_a_look(log: Path) -> None:
    analyst = Analyst(files=[f"{log.parent}/*.log"], missing="skip")
    assert analyst.run()["lines"] == 0
