"""Throw-away Debian machines with a real systemd, for tests of the whole; `Bed.up` boots one in half a second."""

from tests.system.bed.machine import Bed, BedError, why_not

__all__ = ["Bed", "BedError", "why_not"]
