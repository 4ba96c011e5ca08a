"""The transient units that runs are: their names, their control groups, and what the journal has of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.errors import NotFound
from agent.host.cgroup import Cgroup
from agent.host.unit_support import cgroup2

DEFAULT_STATE = "/var/lib/hostkeeper"
"""The state directory of the agent that a host has if it has one only; its units have the short names."""

SLICE = "hostkeeper.slice"
"""What all runs are in, so that an admin can bound them together."""

_SYNC_SECONDS = 30.0
_CURSOR = "-- cursor: "


class Entry(Struct, frozen=True):
    """A line of the journal: when (seconds since the epoch), how bad (3 is an error, 6 is information), and what."""

    at: float
    priority: int
    message: str


class Units:
    """The units of the runs of one state directory."""

    def __init__(self, state_directory: str) -> None:
        state = os.path.realpath(state_directory)
        identity = os.stat(state)
        # The directory's identity is short, is the same by every path, and needs no place to be kept.
        self.key = f"{identity.st_dev:x}-{identity.st_ino:x}"
        self._prefix = "hostkeeper-run-" if state == DEFAULT_STATE else f"hostkeeper-run-{self.key}-"
        self._name = re.compile(re.escape(self._prefix) + r"([0-9]+)(?:\.[0-9]+)?\.service")
        self._slice = f"{cgroup2()}/{SLICE}"

    def name(self, run: int, attempt: int) -> str:
        """Given a run and its attempt, return the name of its unit: each process has one of its own."""
        again = f".{attempt}" if attempt > 1 else ""
        return f"{self._prefix}{run}{again}.service"

    def group(self, unit: str) -> Cgroup:
        """Return the control group of a unit, whether it exists or not."""
        return Cgroup(f"{self._slice}/{unit}")

    def alive(self) -> Iterator[tuple[int, str]]:
        """Yield run and unit for each unit that has processes."""
        try:
            names = os.listdir(self._slice)
        except FileNotFoundError:
            return
        for name in names:
            found = self._name.fullmatch(name)
            if found is not None and self.group(name).pids(below=True):
                yield int(found[1]), name

    def kill(self, unit: str) -> None:
        """End every process of a unit at once."""
        try:
            self.group(unit).kill()
        except OSError:
            # The agent's own unit may have the groups read-only; the service manager has not. Where it does not answer,
            # whoever asked finds that processes are left.
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                call(["systemctl", "kill", "--kill-whom=all", "--signal=KILL", unit], 5.0)

    def journal(self, run: int, attempts: int, since: float) -> list[Entry]:
        """Return what the journal has of a run and its attempts since an instant (seconds since the epoch).

        Raises NotFound when there is no journal to ask.
        """
        units = [f"--unit={self.name(run, attempt)}" for attempt in range(1, max(1, attempts) + 1)]
        try:
            done = call(["journalctl", "--quiet", "--all", "--output=json", f"--since=@{since:.0f}", *units], 60.0)
        except OSError as error:
            raise NotFound(f"the journal cannot be asked: journalctl: {error.strerror}") from error
        if done.returncode:
            raise NotFound(f"the journal cannot be asked: {done.stderr.strip() or done.returncode}")
        return [logged(line) for line in done.stdout.split("\n") if line]

    def listener(self, run: int, attempt: int) -> Listener:
        """Return what tells bit by bit what a run prints."""
        return Listener(self.name(run, attempt))


class Listener:
    """Reads from the journal what a unit prints, as it comes; each call gives what is new."""

    def __init__(self, unit: str) -> None:
        self._asked = ["journalctl", "--boot", "--quiet", "--output=cat", "--identifier=hostkeeper", f"--unit={unit}"]
        self._after: list[str] = []

    def heard(self, *, all_of_it: bool = False) -> str:
        """Return what was printed since the last call; with `all_of_it`, the journal is waited for.

        Without a journal there is nothing to hear.
        """
        try:
            if all_of_it:
                call(["journalctl", "--sync"], _SYNC_SECONDS)
            text = call([*self._asked, "--show-cursor", *self._after], _SYNC_SECONDS).stdout
        except (OSError, subprocess.TimeoutExpired):
            return ""
        text, mark, cursor = text.rpartition(_CURSOR)
        if mark:
            self._after = [f"--after-cursor={cursor.strip()}"]
        return text


def logged(line: str) -> Entry:
    """Given a line of journalctl's JSON, return the entry. A program may log any bytes, and a field several times."""
    fields: Mapping[str, Any] = json.loads(line)
    at = float(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"]) / 1e6
    priority = _text(fields.get("PRIORITY"))
    return Entry(at, int(priority) if priority in tuple("01234567") else 6, _text(fields.get("MESSAGE")))


def _text(field: Any) -> str:
    # Bytes that are no text come as a list of numbers, and what comes several times as a list of all.
    if isinstance(field, list) and all(isinstance(one, int) for one in field):
        return bytes(field).decode(errors="replace")
    return "; ".join(map(_text, field)) if isinstance(field, list) else str(field or "")


def call(argv: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Given a tool of systemd with its arguments, run it for up to so many seconds.

    Raises OSError when it cannot be started, subprocess.TimeoutExpired when it does not end.
    """
    return subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds, check=False
    )
