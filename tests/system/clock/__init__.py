"""A wall clock that tests set, for real processes: only CLOCK_REALTIME is shifted, as when an admin sets the clock."""

from __future__ import annotations

import os
import struct
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).with_name("shift.c")


class ShiftedClock:
    """Compiles the library into a directory that exists; processes started with `environment` live by this clock."""

    def __init__(self, directory: Path) -> None:
        library = directory / "shift.so"
        self._file = directory / "shift"
        flags = ("-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror")
        subprocess.run(["cc", *flags, "-o", str(library), str(SOURCE)], check=True, timeout=60)
        self._shift = 0.0
        self._file.write_bytes(bytes(8))
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "HOSTKEEPER_TEST_CLOCK": str(self._file)}

    @property
    def shift(self) -> float:
        """By how many seconds this clock differs from the host's."""
        return self._shift

    def now(self) -> float:
        """Return what this clock shows, in seconds since the epoch."""
        return time.time() + self._shift

    def step(self, seconds: float) -> None:
        """Set this clock forward, or back when negative, for all who live by it, at once."""
        self.set(self._shift + seconds)

    def set(self, shift: float) -> None:
        """Make this clock differ from the host's by so many seconds."""
        self._shift = shift
        file = os.open(self._file, os.O_WRONLY)
        try:
            os.pwrite(file, struct.pack("=q", round(shift * 1e9)), 0)
        finally:
            os.close(file)
