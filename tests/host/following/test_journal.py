"""What journalctl says, whoever wrote what it tells."""

from __future__ import annotations

import json

import pytest

from agent.host.following.journal import entry


@pytest.mark.parametrize(
    ("priority", "level"),
    [
        ("0", "emergency"),
        ("7", "debug"),
        ("8", "unknown"),
        ("03", "unknown"),
        ("", "unknown"),
        ("9" * 5000, "unknown"),
        ("\u0663", "unknown"),
        ([0x36], "info"),
        ([["3"], "4"], "unknown"),
        (None, "unknown"),
        (6, "unknown"),
    ],
)
def test_priority_of_anybodys_making_is_a_level(priority: object, level: str) -> None:
    found = entry(json.dumps({"__CURSOR": "c", "MESSAGE": "x", "PRIORITY": priority}).encode())
    assert found is not None
    assert (found.level, found.cursor, found.record.head) == (level, "c", b"x")


@pytest.mark.parametrize(
    "line",
    [
        *(b"", b"\n", b"{}", b"[]", b"7", b'{"__CURSOR":"c","MESSAGE":"\xff"}'),
        b'{"__CURSOR":"c","MESSAGE":"' + b"x" * 99,
        b'{"__CURSOR":"c","MESSAGE":' + b"[" * 100_000,
    ],
)
def test_line_that_is_no_entry_is_none(line: bytes) -> None:
    assert entry(line) is None
