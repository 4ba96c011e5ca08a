"""Records of backups that are none: whatever is in their place, it is damage, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.drivers.repositories.restic import record as restic
from agent.drivers.repositories.tar import manifest, seal
from agent.drivers.repositories.tar import record as tar
from agent.drivers.repository import Damaged, ListingFailed

CONTENTS = st.one_of(st.binary(max_size=40), st.text(max_size=20).map(lambda text: f'{{"{text}":1}}'.encode()))
NO_TEXT = b'{"format":"\xff"}'
DEEP = b'{"other":' + b"[" * 100_000
"""Deeper than a reader goes, in what it would pass over."""


@given(CONTENTS)
@example(NO_TEXT)
@example(DEEP)
def test_content_that_is_no_record_is_damage(content: bytes) -> None:
    snapshot = restic.Snapshot(id="0123456789abcdef", time="2026-01-01T00:00:00Z")
    with pytest.raises(Damaged):
        restic.decode(content, snapshot)
    with pytest.raises(Damaged):
        tar.decode(content, "/srv/backups/host/task/20260101T000000Z-full-0123456789abcdef", "local")


def test_record_with_something_else_in_it_that_is_no_text_is_damage() -> None:
    snapshot = restic.Snapshot(id="0123456789abcdef", time="2026-01-01T00:00:00Z", hostname="host", tags=("task=task",))
    made = dict.fromkeys(("id", "repository", "parent"), "") | {"host": "host", "task": "task", "level": "full"}
    backup = {**made, "began": 1.0, "ended": 2.0, "parts": [], "files": 0}
    content = json.dumps({"other": "?", "format": restic.FORMAT, "backup": backup, "paths": []}).encode()
    assert restic.decode(content, snapshot).backup.files == 0
    with pytest.raises(Damaged):
        restic.decode(content.replace(b"?", b"\xff"), snapshot)


@given(CONTENTS)
@example(NO_TEXT)
@example(DEEP)
def test_line_that_is_none_is_damage(content: bytes) -> None:
    with pytest.raises(Damaged):
        manifest.parse(content, "here")
    with pytest.raises(Damaged):
        seal.decode(content + b"\n", "here")


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b'[{"id":"\xff","time":""}]'])
def test_listing_that_is_none_is_told(content: bytes) -> None:
    with pytest.raises(ListingFailed):
        restic.snapshots(content, "local")
