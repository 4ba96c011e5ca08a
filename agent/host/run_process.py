"""The handle that a launcher keeps on a run process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent.host import proc

if TYPE_CHECKING:
    import subprocess

MARKER = "HOSTKEEPER_RUN"
"""Environment variable `<state directory>:<run>` by which a run's processes are found when all else is gone."""

GROUP = "HOSTKEEPER_CGROUP"
"""Environment variable with the directory of the run's control group, "" where there is none."""

UNIT = "HOSTKEEPER_UNIT"
"""Environment variable with the name of the run's unit, where it is one."""

EXIT_UNKNOWN = 256
"""What `poll` returns for another's child that has ended: only its parent is ever told the exit code."""


class RunProcess:
    """`agent.ports.Child`: one run process, started or adopted by a launcher.

    `popen` is None for one that is no child of this process. `kill` ends it with all that belongs to its run; `closed`
    hears that the handle is given up, and whether the process had ended.
    """

    def __init__(
        self,
        run: int,
        process: proc.Process,
        descriptor: int,
        popen: subprocess.Popen[bytes] | None,
        kill: Callable[[RunProcess], None],
        closed: Callable[[RunProcess, bool], None],
    ) -> None:
        self.run = run
        self.pid = process.pid
        self.pid_started = float(process.started)
        self._descriptor = descriptor
        self._popen = popen
        self._kill = kill
        self._closed = closed

    @property
    def owned(self) -> bool:
        """True when this process is its parent."""
        return self._popen is not None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, EXIT_UNKNOWN for another's child, None while it lives."""
        if self._popen is not None:
            return self._popen.poll()
        if self._descriptor < 0:
            return None if proc.same(self.pid, self.pid_started) else EXIT_UNKNOWN
        poller = select.poll()
        poller.register(self._descriptor, select.POLLIN)
        return EXIT_UNKNOWN if poller.poll(0) else None

    def fileno(self) -> int:
        """Return the descriptor (a pidfd) that becomes readable when the process has ended."""
        return self._descriptor

    def terminate(self) -> None:
        """Send SIGTERM to the run process itself; its own commands are its to stop."""
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and every descendant of it, at once."""
        self._kill(self)

    def signal(self, number: signal.Signals) -> None:
        """Given a signal, send it to the process itself, if it still lives."""
        if self._descriptor >= 0 and self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def close(self) -> None:
        """After the end: end what was left behind, and give the descriptor back. A living process is let go."""
        if self._descriptor < 0:
            return
        ended = self.poll() is not None
        os.close(self._descriptor)
        self._descriptor = -1
        self._closed(self, ended)
