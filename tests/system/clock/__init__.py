"""Clocks that tests set, for real processes: the wall clock alone, as an admin does, or as if the host had slept."""

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
        self._shift = self._suspended = 0.0
        self._file.write_bytes(bytes(16))
        self.environment: Mapping[str, str] = {"LD_PRELOAD": str(library), "HOSTKEEPER_TEST_CLOCK": str(self._file)}

    @property
    def shift(self) -> float:
        """By how many seconds this clock differs from the host's."""
        return self._shift

    def now(self) -> float:
        """Return what this clock shows, in seconds since the epoch."""
        return time.time() + self._shift + self._suspended

    def step(self, seconds: float) -> None:
        """Set this clock forward, or back when negative, for all who live by it, at once."""
        self.set(self._shift + seconds)

    def set(self, shift: float) -> None:
        """Make this clock differ from the host's by so many seconds."""
        self._shift = shift
        self._write()

    def suspend(self, seconds: float) -> None:
        """Let all who live by this clock believe that the host was suspended this moment for so many seconds."""
        self._suspended += seconds
        self._write()

    def _write(self) -> None:
        file = os.open(self._file, os.O_WRONLY)
        try:
            os.pwrite(file, struct.pack("=2q", round(self._shift * 1e9), round(self._suspended * 1e9)), 0)
        finally:
            os.close(file)
