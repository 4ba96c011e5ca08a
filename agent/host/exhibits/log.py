"""The last lines of the log: of the journal, or of the file that a syslog daemon writes."""

from __future__ import annotations

import os

from agent.host.tools import output_of

LINES = 80

SINCE = "-15min"

_JOURNAL = [
    *("journalctl", "--quiet", "--no-pager", "--output=short-iso", f"--lines={LINES}", f"--since={SINCE}"),
    "--priority=info",
]
_FILES = ("/var/log/syslog", "/var/log/messages")
_TAIL = 64 << 10


def collect() -> tuple[str, str]:
    """Return the last lines, oldest first."""
    text, error = output_of(_JOURNAL)
    if text.strip():
        return text, ""
    for path in _FILES:
        if os.path.exists(path):
            return f"{path}\n{_last_lines(path)}", ""
    return "", error or f"the journal has nothing of the last {SINCE.removeprefix('-')}, and there is no syslog"


def _last_lines(path: str) -> str:
    with open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
        lines = file.read(_TAIL).decode(errors="replace").splitlines()
    return "\n".join(lines[-LINES:])
