"""Heads of the history that the agent has told the journal of."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime

from agent.errors import NotFound
from agent.host.heads import NotedHead

UNIT = "hostkeeper.service"
LINE_BYTES = 1 << 20
"""Longer entries are none of ours."""

_MESSAGE = re.compile(r"history head (\d{1,19}) sha256:([0-9a-f]{64}) of ([-0-9T:+]{20,32})")


def heads_in_journal(unit: str = UNIT) -> Iterator[NotedHead]:
    """Given the agent's unit, yield every head that it has logged and the journal still has, the oldest first.

    Raises NotFound when there is no journal to ask. The unit is one of the fields that the journal vouches for.
    """
    command = ["journalctl", "--output=json", "--no-pager", "--quiet", f"_SYSTEMD_UNIT={unit}"]
    try:
        asked = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise NotFound(f"the journal cannot be asked: journalctl: {error.strerror}") from error
    with asked:
        assert asked.stdout is not None
        for number, line in enumerate(iter(lambda: asked.stdout and asked.stdout.readline(LINE_BYTES), b""), 1):
            head = _head(line or b"", number) if line and b"history head" in line else None
            if head is not None:
                yield head
    if asked.returncode:
        raise NotFound(f"the journal cannot be asked: journalctl ended with {asked.returncode}")


def _head(line: bytes, number: int) -> NotedHead | None:
    try:
        entry = json.loads(line)
        found = _MESSAGE.search(str(entry["MESSAGE"]))
        at = datetime.fromisoformat(found[3]).timestamp() if found else 0.0
    except (ValueError, KeyError, TypeError):
        return None
    return NotedHead(int(found[1]), found[2], at, "the journal", number) if found else None
