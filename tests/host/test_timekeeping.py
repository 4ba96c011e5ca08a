"""What the kernel says of its clock."""

from __future__ import annotations

import ctypes
import struct

from agent.host.timekeeping import synchronised

STA_UNSYNC = 0x40
STATUS_AT = 40
"""Where `status` stands in the kernel's struct timex (64-bit), after modes, offset, freq, maxerror and esterror."""


def test_clock_is_synchronised_when_the_kernels_status_says_so() -> None:
    timex = ctypes.create_string_buffer(256)
    ctypes.CDLL(None).adjtimex(timex)
    (status,) = struct.unpack_from("=i", timex, STATUS_AT)
    assert synchronised() is not bool(status & STA_UNSYNC)
