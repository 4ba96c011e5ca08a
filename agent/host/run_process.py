"""The handle that a launcher keeps on a run process."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable

from agent.host import proc

MARKER = "HOSTKEEPER_RUN"
"""Environment variable `<state directory>:<run>` by which a run's processes are found when all else is gone."""

GROUP = "HOSTKEEPER_CGROUP"
"""Environment variable with the directory of the run's control group, "" where there is none."""

EXIT_UNKNOWN = 256
"""What `poll` returns for an adopted process that has ended: only its parent is ever told the exit code."""


class RunProcess:
    """`agent.ports.Child`: one run process, started or adopted by `ChildLauncher`.

    `popen` is None for an adopted one. `end` ends the processes it is given and whatever else belongs to the run;
    `closed` hears that the handle is given up, and whether the process had ended.
    """

    def __init__(
        self,
        run: int,
        process: proc.Process,
        descriptor: int,
        popen: subprocess.Popen[bytes] | None,
        end: Callable[[RunProcess, list[proc.Process]], None],
        closed: Callable[[RunProcess, bool], None],
    ) -> None:
        self.run = run
        self.pid = process.pid
        self.pid_started = float(process.started)
        self._descriptor = descriptor
        self._popen = popen
        self._end = end
        self._closed = closed

    @property
    def owned(self) -> bool:
        """True when this process is its parent, False when it was adopted."""
        return self._popen is not None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, EXIT_UNKNOWN for an adopted process, None while it lives."""
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
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and every descendant of it, at once."""
        # Looked for first: with the death of an adopted process its children would be lost to init.
        tree = proc.descendants([self.pid]) if proc.same(self.pid, self.pid_started) else []
        self._signal(signal.SIGKILL)
        self._end(self, tree)

    def _signal(self, number: signal.Signals) -> None:
        if self._descriptor >= 0:
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
