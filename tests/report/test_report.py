from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

import apsw
import pytest
from msgspec import structs

from agent.errors import ExitCode
from agent.store import Store
from agent.store.connection import DATABASE_NAME
from tests.report.month import Month, now
from tests.system.agent import AgentUnderTest

CARDS = [
    "days",
    "failed",
    "tasks",
    "took",
    "skipped",
    "freed",
    "judged",
    "undone",
    "thresholds",
    "holds",
    "policies",
    "capacity",
]


class Text(HTMLParser):
    """Reads a page: its words, and each element's, by the nearest heading before it."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: dict[str, str] = {"": ""}
        self.tags: set[str] = set()
        self._part = ""
        self._hidden = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._hidden = tag in ("style", "script")
        name = dict(attrs).get("id")
        if tag == "h2" and name:
            self._part = name
            self.parts[name] = ""

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts[self._part] += f"{data} "

    def __getitem__(self, part: str) -> str:
        return " ".join(self.parts[part].split())


@contextmanager
def copy_of(host: AgentUnderTest) -> Iterator[Path]:
    copy = host.place / "copy"
    shutil.copytree(host.state, copy)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


def report_of(host: AgentUnderTest, state: Path, *arguments: str) -> Text:
    done = AgentUnderTest(host.place, state).command("report", *arguments)
    assert done.returncode == ExitCode.OK, done.stderr
    return Text(done.stdout)


def test_report_tells_all_that_a_month_held(report: Path) -> None:
    text = Text(report.read_text())
    assert list(text.parts)[1:] == [*CARDS, "next", "proof"]
    assert "3 things need a person" in text[""]
    assert "root-filling is held: it acted 3 times" in text[""]
    assert re.search(r"Runs [0-9]{3} Succeeded [0-9]{3} \(9[0-9.]+%\) Went wrong 4", text[""])
    assert "backup-shop 2 times – has succeeded since step failed . A step failed" in text["failed"]
    assert "dump: connection refused" in text["failed"]
    assert "reindex-search once max duration . It took longer than max_duration ." in text["failed"]
    assert "clean-uploads 2 needs failed A task that it needs did not succeed" in text["skipped"]
    assert re.search(r"check-mail usually [0-9.]+m?s, at most", text["took"])
    assert re.search(r"clean-uploads [0-9]+,[0-9]{3} [0-9]+ GiB", text["freed"])
    assert "too old" in text["judged"]
    assert re.search(r"root-filling clean-uploads 2 ", text["thresholds"])
    assert "reindex-search work 1" in text["undone"]
    assert "root-filling breaker open" in text["holds"]
    assert "c0ffeec0ffeec0ff" in text["policies"]
    assert "backup-shop" in text["next"]
    assert "off" not in text["next"].split()
    assert "Every record, run and step is what was written" in text["proof"]
    assert "Compared with 1 head known outside" in text["proof"]
    assert text.tags.isdisjoint({"script", "img", "link", "iframe", "form"})


def test_report_of_nothing_says_so_in_every_part(host: AgentUnderTest, tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")):
        pass
    text = report_of(host, tmp_path / "s")
    assert list(text.parts)[1:] == [*CARDS, "next", "proof"]
    assert "No run ended in this time." in text["days"]
    assert "Nothing went wrong in this time." in text["failed"]
    assert "Nothing falls due" in text["next"]
    assert "1:" in text["proof"]


def test_report_of_a_time_without_runs(host: AgentUnderTest) -> None:
    text = report_of(host, host.state, "--since", "2020-01-01", "--until", "2020-03-01")
    assert "01 Jan 2020 to 01 Mar 2020" in text[""]
    assert "No run ended in this time." in text["days"]
    assert "Nothing ran in this time" in text[""]
    assert "needs a person" not in text[""]
    assert "as things stand now" in text["holds"]


def test_report_of_an_edited_history_says_so_first(host: AgentUnderTest) -> None:
    with copy_of(host) as copy:
        with apsw.Connection(str(copy / DATABASE_NAME)) as raw:
            raw.execute("UPDATE runs SET state = 'succeeded', why = '', detail = '' WHERE state = 'failed'")
            raw.execute("UPDATE steps SET facts = 'no JSON' WHERE run = 5")
        text = report_of(host, copy)
    assert "This history is not what was written" in text[""]
    assert "What this report says may not be what happened" in text["proof"]
    assert "edited : run 5 or a step of it is not what it was at its end" in text["proof"]


def test_report_of_rows_that_cannot_be_read_tells_the_rest(host: AgentUnderTest) -> None:
    with copy_of(host) as copy:
        with apsw.Connection(str(copy / DATABASE_NAME)) as raw:
            raw.execute("UPDATE runs SET detail = 'x' WHERE task = 'backup-shop' AND state = 'failed'")
        text = report_of(host, copy)
    assert "cannot be read: its row was damaged or edited" in text["failed"]


def test_report_names_the_mistakes_in_the_policy_files_once(host: AgentUnderTest) -> None:
    with copy_of(host) as copy:
        with Store(str(copy)) as store:
            fact = store.facts.get("daemon")
            assert isinstance(fact, dict)
            told = {**fact["policies"], "valid": False, "mistakes": ["a.yaml:3:5: tasks.<b>: wrong"]}
            store.facts.set("daemon", {**fact, "policies": told})
        text = report_of(host, copy)
    assert text[""].count("the policy files have mistakes") == 1
    assert "a.yaml:3:5: tasks.<b>: wrong" in text["policies"]
    assert "backup-shop" in text["next"]


def test_report_of_policies_that_cannot_be_read_tells_the_rest(host: AgentUnderTest) -> None:
    with copy_of(host) as copy:
        with Store(str(copy)) as store:
            for item in store.fragments.all().values():
                body = item.body.replace("nightly", "gone", 1)
                store.fragments.update([structs.replace(item, body=body)], [])
        text = report_of(host, copy)
    assert "The policies in force cannot be read" in text["next"]
    assert "backup-shop" in text["tasks"]


def test_report_as_json_counts_the_same(host: AgentUnderTest) -> None:
    page = host.place / "both.html"
    done = host.command("report", "--json", "-o", str(page))
    assert "<svg" in page.read_text()
    assert done.returncode == ExitCode.OK
    data = json.loads(done.stdout)
    ends = {(one["task"], one["state"]): one["count"] for one in data["endings"]}
    assert ends["backup-shop", "failed"] == 2
    assert data["history"]["intact"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "tomorrow"), "is not a duration"),
        (("--since", "2026-99-01"), "is no date"),
        (("--since", "1d", "--until", "2d"), "is not before"),
        (("--since", "0001-01-01"), "is not before"),
        (("--until", "9999-12-31"), "too far ahead"),
        (("-o", "/nowhere/at/all"), "No such file"),
    ],
)
def test_report_with_wrong_arguments_says_what_is_wrong(
    host: AgentUnderTest, arguments: tuple[str, ...], said: str
) -> None:
    done = host.command("report", *arguments)
    assert done.returncode in (ExitCode.USAGE, ExitCode.NOT_FOUND)
    assert said in done.stderr


def test_report_of_many_tasks_stays_small(host: AgentUnderTest, tmp_path: Path) -> None:
    with Store(str(tmp_path / "s")) as store, store.transaction():
        month = Month(store, now())
        for number in range(1500):
            bad = number % 2
            state, why = ("failed", "step_failed") if bad else ("succeeded", "")
            for at in range(2):
                month.task_ran(f"task-{number}", 86_400.0 * (1 + at), state, why, "x" * 5000 if bad else "")
    done = AgentUnderTest(host.place, tmp_path / "s").command("report")
    assert done.returncode == ExitCode.OK
    assert len(done.stdout) < 150_000
    text = Text(done.stdout)
    assert "and 1,450 tasks more" in text["tasks"]
    assert "and 730 kinds of failure more" in text["failed"]
