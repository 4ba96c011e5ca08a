"""How long a thread has been ready to work and was given no processor."""

from __future__ import annotations

import os

_ROOM = 128


class Hunger:
    """Looks at one thread of this process, given by the kernel's id.

    Its file stays open, so that a look is one call to the kernel: after each, whoever looks waits for the interpreter
    until the threads at work let go of it.
    """

    def __init__(self, thread: int) -> None:
        try:
            self._file: int | None = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._file = None

    def __call__(self) -> float:
        """Return for how many seconds the thread has waited for a processor since its start.

        0.0 where the kernel keeps no account of it (CONFIG_SCHED_INFO), and of a thread that is not there. A control
        group that has used up its share of a processor waits too.
        """
        if self._file is None:
            return 0.0
        try:
            return int(os.pread(self._file, _ROOM, 0).split()[1]) / 1e9
        except (OSError, IndexError):
            return 0.0

    def close(self) -> None:
        """Give the descriptor back; from then on nothing is known."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
