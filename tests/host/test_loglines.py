"""Log records that carry text of others."""

from __future__ import annotations

import logging
import sys

import pytest

from agent.host.loglines import Plain


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.INFO, "", 0, "threshold hot fired room=%s", (text,), None)


@pytest.mark.parametrize(
    ("text", "kept", "written"),
    [
        ("größe 😀", "", "größe 😀"),
        ("a\n2026-11-30 12:00:00,000 INFO all is well", "", "a\\n2026-11-30 12:00:00,000 INFO all is well"),
        ("a\n\tb\x1b[2J", "\n\t", "a\n\tb\\x1b[2J"),
        ("\u202egnp.exe\udcff\x9b", "", "\\u202egnp.exe\\udcff\\x9b"),
    ],
)
def test_text_of_others_is_written_out(text: str, kept: str, written: str) -> None:
    assert Plain("%(levelname)s %(message)s", kept).format(record(text)) == f"INFO threshold hot fired room={written}"


def test_trace_keeps_its_lines() -> None:
    told = record("a\nb")
    try:
        raise ValueError("c\nd")
    except ValueError:
        told.exc_info = sys.exc_info()
    lines = Plain("%(message)s").format(told).splitlines()
    assert lines[0] == "threshold hot fired room=a\\nb"
    assert lines[1].startswith("Traceback")
