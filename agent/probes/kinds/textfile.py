"""Reads a file in Prometheus' text format that somebody else writes."""

from __future__ import annotations

import os
import stat

from agent.errors import RunFailed
from agent.probes.answers import MOST_SERIES, Down, sample
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.exposition import BadText, parse

MOST = 1 << 20
"""Bytes that the file may have."""


class TextFile:
    """One file."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._clock = tools.clock

    def measure(self, _timeout: float) -> Measured:
        """Read it once."""
        path = self._settings["path"]
        data, written = _read(path)
        age = self._clock.now().timestamp() - written
        found = sample("age_seconds", age)
        if age < -1.0:
            raise Down(f"{path} is from the future: the clock was set", [])
        if self._settings["max_age"] is not None and age > self._settings["max_age"]:
            raise Down(f"{path} was last written {age:.0f} s ago", [found])
        try:
            return Measured([found, *parse(data.decode("utf-8"), MOST_SERIES)])
        except (BadText, UnicodeDecodeError) as error:
            raise Down(f"{path}: {error}", [found]) from error


def _read(path: str) -> tuple[bytes, float]:
    """Return what a file says and when it was written. Raises Down where it changes meanwhile, RunFailed."""
    try:
        # A pipe in its place would never answer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        raise Down(f"there is no {path}") from None
    except OSError as error:
        raise RunFailed(f"{path} cannot be read: {error.strerror}") from error
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise Down(f"{path} is no file")
        data = b""
        while len(data) <= MOST and (more := os.read(descriptor, MOST)):
            data += more
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    if len(data) > MOST:
        raise Down(f"{path} has more than {MOST} bytes")
    if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size) or len(data) != after.st_size:
        raise Down(f"{path} is being written")
    return data, after.st_mtime


def connect_to(_name: str, settings: Settings, tools: Tools) -> TextFile:
    """Return the probe."""
    return TextFile(settings, tools)


KIND = Kind(connect=connect_to)
