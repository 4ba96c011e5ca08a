from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from agent.daemon.evidence import Evidence
from agent.host.heads import NAME, HeadFile
from agent.host.journald import FIELDS
from agent.store import Store
from tests.metrics.full import empty_metrics, numbers
from tests.store.endings import DUE, ended


def shown(store: Store) -> tuple[Evidence, dict[str, float]]:
    metrics = empty_metrics()
    evidence = Evidence(store, metrics)
    evidence.show()
    return evidence, {
        name.removeprefix("hostkeeper_history_"): value for name, value in numbers(metrics).items() if "history" in name
    }


def test_head_is_shown_and_noted_at_the_first_look(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    ended(store, DUE)
    _, metrics = shown(store)
    head = store.chain.head()
    assert head is not None
    assert metrics == {"length": 2, "head": int(head.hash[:12], 16), "agrees": 1}
    assert [(noted.seq, noted.hash) for noted in HeadFile(store.directory).all()] == [(2, head.hash)]
    (record,) = [record for record in caplog.records if "history head" in record.message]
    assert record.message == f"history head 2 sha256:{head.hash} of 2026-03-01T12:00:02+00:00"
    assert vars(record)[FIELDS]["HOSTKEEPER_HISTORY_HEAD"] == head.hash


def test_head_is_noted_again_when_it_has_moved(store: Store) -> None:
    evidence, _ = shown(store)
    evidence.note()
    ended(store, DUE)
    evidence.note()
    evidence.note()
    assert [noted.seq for noted in HeadFile(store.directory).all()] == [1, 2]


def test_older_store_is_told_of_and_the_file_keeps_what_it_knows(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copytree(tmp_path / "state", tmp_path / "yesterday")
    ended(store, DUE)
    shown(store)
    store.close()
    shutil.copy(tmp_path / "state" / NAME, tmp_path / "yesterday" / NAME)
    for _ in range(2):
        with Store(str(tmp_path / "yesterday")) as older:
            evidence, metrics = shown(older)
            assert metrics["agrees"] == 0
            ended(older, DUE + 7)
            ended(older, DUE + 8)
            evidence.note()
        assert "run `hostkeeper history verify`" in caplog.text
        assert [noted.seq for noted in HeadFile(str(tmp_path / "yesterday")).all()] == [2]


def test_file_that_cannot_be_had_leaves_the_head_in_the_log(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (Path(store.directory) / NAME).mkdir()
    _, metrics = shown(store)
    assert metrics.keys() == {"length", "head"}
    assert "history head 1" in caplog.text
    assert "is in the log alone" in caplog.text
