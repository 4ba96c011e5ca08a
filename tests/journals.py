"""Journals for tests, made by systemd-journal-remote from entries in the export format."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

BOOT = "0123456789abcdef0123456789abcdef"


def export(entries: Iterable[tuple[str, int]], first: int = 0) -> bytes:
    """Given messages and priorities, return them in the export format; `first` is the number of the first one."""
    made = b""
    for number, (message, priority) in enumerate(entries, first):
        at = 1_772_323_200_000_000 + number * 1_000_000
        data = message.encode("utf-8", "surrogateescape")
        made += b"__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n" % (at, at, BOOT.encode())
        made += b"PRIORITY=%d\nSYSLOG_IDENTIFIER=app\n_SYSTEMD_UNIT=app.service\n" % priority
        made += b"MESSAGE\n%s%s\n\n" % (len(data).to_bytes(8, "little"), data)
    return made


def write_journal(path: Path, entries: Iterable[tuple[str, int]], first: int = 0) -> None:
    """Write entries to a new file of a journal."""
    subprocess.run(
        ["systemd-journal-remote", "-o", str(path), "-"],
        input=export(entries, first),
        check=True,
        capture_output=True,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "err"},
    )
