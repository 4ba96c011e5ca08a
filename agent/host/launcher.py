"""Starts run processes as plain children, each in a session of its own, and ends them with all their descendants.

Two nets catch what a run leaves behind. Where the host has cgroup 2, each run lives in a group of its own that one
write ends. Everywhere, this process is a subreaper, so that orphans of a run become its children, and each run's
environment carries a marker by which its processes are found when everything else that knew of them is gone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence

from agent.errors import RunFailed
from agent.host import proc
from agent.host.cgroup import Cgroup, Cgroups

MARKER = "HOSTKEEPER_RUN"
GROUP = "HOSTKEEPER_CGROUP"

EXIT_UNKNOWN = 256
"""What `poll` returns for an adopted process that has ended: only its parent is ever told the exit code."""

_AT_ONCE = 0.2
_PATIENT = 5.0


def enter_run(environ: Mapping[str, str] = os.environ) -> None:
    """Be the first act of a run process: take up its control group, signals as they should be, and orphans.

    Until it is called the process must not start another one.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    proc.become_subreaper()
    if path := environ.get(GROUP):
        # Without its group the run is still found by session, descent and marker.
        with contextlib.suppress(OSError):
            Cgroup(path).enter()


class RunProcess:
    """`agent.ports.Child`: one run process, started or adopted by `ChildLauncher`."""

    def __init__(
        self,
        launcher: ChildLauncher,
        run: int,
        process: proc.Process,
        descriptor: int,
        popen: subprocess.Popen[bytes] | None,
    ) -> None:
        self.run = run
        self.pid = process.pid
        self.pid_started = float(process.started)
        self._launcher = launcher
        self._descriptor = descriptor
        self._popen = popen

    @property
    def owned(self) -> bool:
        """True when this process is its parent, False when it was adopted."""
        return self._popen is not None

    def poll(self) -> int | None:
        """Return the exit code, negative for a signal, EXIT_UNKNOWN for an adopted process, None while it lives."""
        if self._popen is not None:
            return self._popen.poll()
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
        tree = proc.descendants([self.pid]) if proc.same(self.pid, self.pid_started) else []
        self._signal(signal.SIGKILL)
        self._launcher.end(self.run, lambda: proc.alive(tree), adopted=not self.owned)

    def _signal(self, number: signal.Signals) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def close(self) -> None:
        """After the end: end what was left behind, and give the descriptor back. A living process is let go."""
        ended = self._descriptor >= 0 and self.poll() is not None
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._launcher.forget(self, ended=ended)


class ChildLauncher:
    """`agent.ports.Launcher`. `nice` and `idle_io` are given to every run; `cgroups` False does without them."""

    def __init__(self, state_directory: str, *, nice: int = 0, idle_io: bool = False, cgroups: bool = True) -> None:
        # The directory's identity is short, is the same by every path, and needs no place to be kept.
        identity = os.stat(state_directory)
        self._key = f"{identity.st_dev:x}-{identity.st_ino:x}"
        self._nice = nice
        self._idle_io = idle_io
        self._groups = Cgroups.discover() if cgroups else None
        self._lock = threading.RLock()
        self._own: dict[int, RunProcess] = {}
        self._unremoved: list[Cgroup] = []
        self._clean: int | None = None
        self._session = os.getsid(0)
        proc.become_subreaper()

    def start(self, run: int, attempt: int, argv: Sequence[str]) -> RunProcess:
        """Given a run, its attempt and an argument list, start its process; raises RunFailed when that fails."""
        with self._lock:
            group = self._groups.make(self._name(run)) if self._groups else None
            environment = {**os.environ, MARKER: self._mark(run), GROUP: group.path if group else ""}
            try:
                child = self._spawn(run, argv, environment)
            except OSError as error:
                if group:
                    group.remove()
                sentence = f"cannot start the process of run {run}, attempt {attempt}: {error.strerror or error}"
                raise RunFailed(sentence) from error
            self._own[child.pid] = child
            self._clean = None
            return child

    def _spawn(self, run: int, argv: Sequence[str], environment: Mapping[str, str]) -> RunProcess:
        popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
        try:
            descriptor = os.pidfd_open(popen.pid)
            process = proc.look(popen.pid)
            assert process is not None, "a child that was not waited for is on the process table"
            self._lower(popen.pid)
        except OSError:
            popen.kill()
            popen.wait()
            raise
        return RunProcess(self, run, process, descriptor, popen)

    def _lower(self, pid: int) -> None:
        if self._nice:
            os.setpriority(os.PRIO_PROCESS, pid, self._nice)
        if self._idle_io:
            # Imported for those who ask for it: it costs a process more memory than all of this module.
            import psutil  # noqa: PLC0415

            psutil.Process(pid).ionice(psutil.IOPRIO_CLASS_IDLE)

    def adopt(self, run: int, pid: int, pid_started: float) -> RunProcess | None:
        """Given a run and its process by id and start time (ticks after boot), return a handle on it, or None."""
        try:
            descriptor = os.pidfd_open(pid)
        except (ProcessLookupError, ValueError):
            return None
        process = proc.same(pid, pid_started)
        if process is None:
            os.close(descriptor)
            return None
        child = RunProcess(self, run, process, descriptor, None)
        with self._lock:
            self._own[pid] = child
        return child

    def sweep(self, run: int) -> None:
        """End what a run without a living main process has left behind; waits up to a few seconds for their end."""
        with self._lock:
            if run != self._clean and self._end(run, lambda: self._marked(run), _PATIENT):
                self._clean = run

    def reap(self) -> None:
        """End and bury orphans of ended runs. Call it now and then; it costs one look at the list of children."""
        with self._lock:
            proc.end(self._orphans, 0.0, self._own)
            self._unremoved = [group for group in self._unremoved if not group.remove()]

    def end(self, run: int, find: proc.Find, *, adopted: bool) -> None:
        """Given a run and what finds its processes, end them; what outlasts a moment is left to `close` and `reap`.

        The children of an adopted run's process went to init with its death, so they are looked for by their marker.
        """
        with self._lock:
            more = (lambda: self._marked(run)) if adopted else self._orphans
            self._end(run, lambda: [*find(), *more()], _AT_ONCE)

    def forget(self, child: RunProcess, *, ended: bool) -> None:
        """Given a handle that is closed, stop counting its process as one of ours and clean up after it."""
        with self._lock:
            self._own.pop(child.pid, None)
            if ended and self._end(child.run, self._orphans, _AT_ONCE) and child.owned:
                self._clean = child.run

    def _end(self, run: int, find: proc.Find, patience: float) -> bool:
        group = self._groups.group(self._name(run)) if self._groups else None
        if group is not None and group.exists():
            group.kill()
        survivors = proc.end(find, patience, self._own)
        if group is not None and not group.remove():
            self._unremoved.append(group)
            return False
        return not survivors

    def _marked(self, run: int) -> list[proc.Process]:
        return proc.marked(MARKER, self._mark(run))

    def _orphans(self) -> Iterator[proc.Process]:
        """Yield children of this process that it did not start: what ended runs have left behind.

        Helpers of the daemon stay in its session, while whatever descends from a run never is in it.
        """
        for pid in proc.children(os.getpid()):
            process = proc.look(pid) if pid not in self._own else None
            if process is not None and process.session != self._session:
                yield from proc.descendants([pid])

    def _name(self, run: int) -> str:
        return f"hostkeeper-run-{self._key}-{run}"

    def _mark(self, run: int) -> str:
        return f"{self._key}:{run}"
