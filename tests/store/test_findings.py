from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.errors import StoreError
from agent.model.findings import Finding
from agent.model.policies import Severity
from agent.model.signals import Sample
from agent.store import Store
from agent.store.findings import MOST

ONE = Finding(
    task="watch-logs",
    id="new-1",
    severity=Severity.WARNING,
    subject="/var/log/app.log",
    sentence="a message that was never seen before",
    remedy="read it",
    samples=("line",),
    first_seen=100.0,
    last_seen=100.0,
)


def test_finding_found_again_stays_the_same_one(tmp_path: Path) -> None:
    with Store(str(tmp_path)) as store:
        store.findings.found([ONE])
        store.findings.found([replace(ONE, first_seen=200.0, last_seen=200.0, sentence="still")])
        assert store.findings.listed() == [replace(ONE, last_seen=200.0, sentence="still")]


def test_findings_are_listed_the_worst_first_and_of_one_task_if_wanted(tmp_path: Path) -> None:
    with Store(str(tmp_path)) as store:
        worse = replace(ONE, task="audit", id="root", severity=Severity.CRITICAL)
        newer = replace(ONE, id="new-2", last_seen=300.0)
        store.findings.found([ONE, newer, worse])
        assert store.findings.listed() == [worse, newer, ONE]
        assert store.findings.listed("watch-logs") == [newer, ONE]
        assert store.findings.settled("audit", "root")
        assert not store.findings.settled("audit", "root")
        assert store.findings.listed("audit") == []


def test_findings_of_a_task_are_bounded_and_the_last_seen_stay(tmp_path: Path) -> None:
    with Store(str(tmp_path)) as store:
        store.findings.found([replace(ONE, id=f"{n}", last_seen=float(n)) for n in range(MOST + 5)])
        assert {one.id for one in store.findings.listed()} == {str(n) for n in range(5, MOST + 5)}


def test_readings_are_those_of_the_last_time(tmp_path: Path) -> None:
    with Store(str(tmp_path)) as store:
        assert store.findings.readings("watch-logs") is None
        store.findings.measured("watch-logs", 1.0, [Sample("lines", (("level", "error"),), 3.0)])
        store.findings.measured("watch-logs", 2.0, [Sample("lines", (("level", "error"),), 4.0)])
        assert store.findings.readings("watch-logs") == (2.0, (Sample("lines", (("level", "error"),), 4.0),))


def test_finding_that_was_altered_is_noticed(tmp_path: Path) -> None:
    with Store(str(tmp_path)) as store:
        store.findings.found([ONE])
        store.connection.rows("UPDATE findings SET body = replace(body, 'never', 'often')")
        with pytest.raises(StoreError, match="not what was written"):
            store.findings.listed()
