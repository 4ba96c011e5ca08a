"""Whether the kernel says that something keeps its clock right."""

from __future__ import annotations

_TIME_ERROR = 5
_TIMEX_BYTES = 256
"""At least the size of the kernel's struct timex, of which nothing is read."""


def synchronised() -> bool:
    """Return whether the kernel takes the wall clock for synchronised (adjtimex(2)); False when it does not say."""
    import ctypes  # noqa: PLC0415 - it is asked when the agent has been at work for a while

    # All zero asks for nothing to be changed.
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    state = int(ctypes.CDLL(None, use_errno=True).adjtimex(timex))
    return 0 <= state < _TIME_ERROR
