"""Starts run processes as plain children, each in a session of its own, and ends them with all their descendants.

Two nets catch what a run leaves behind. Where the host has cgroup 2, each run lives in a group of its own that one
write ends. Everywhere, this process is a subreaper, so that orphans of a run become its children, and each run's
environment carries a marker by which its processes are found when everything else that knew of them is gone.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from agent.errors import RunFailed
from agent.host import proc
from agent.host.cgroup import Cgroup, Cgroups
from agent.host.run_process import GROUP, MARKER, RunProcess
from agent.host.spare import SpareDescriptors
from agent.ports import Bounds

LOG = logging.getLogger(__name__)
_AT_ONCE = 0.2
_PATIENT = 1.0
_FOR_THE_DAEMON_ALONE = frozenset({"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})


def enter_run(environ: Mapping[str, str] = os.environ) -> None:
    """Be the first act of a run process: take up its control group, signals as they should be, and orphans.

    Until it is called the process must not start another one.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    proc.become_subreaper()
    if path := environ.get(GROUP):
        # Without its group the run is still found by descent and by its marker.
        with contextlib.suppress(OSError):
            Cgroup(path).enter()


def _idle_setter() -> Callable[[int], object]:
    # Imported for those who ask for it: it costs a process more memory than all of this module.
    import psutil  # noqa: PLC0415

    return lambda pid: psutil.Process(pid).ionice(psutil.IOPRIO_CLASS_IDLE)


def _has_dead() -> bool:
    """Tell whether a child is dead that nobody has waited for, and leave it as it is."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return False


class _Offspring:
    """Tells whether this process has children, those orphans among them that came to it.

    Asked of the first thread, to which the kernel gives all orphans. Unlike waitid's, its answer is no error where
    there are none: to make one costs a daemon that wakes up seldom more than to read a file.
    """

    def __init__(self) -> None:
        self._file: int | None = None
        with contextlib.suppress(OSError):  # a kernel without CONFIG_PROC_CHILDREN
            self._file = os.open(f"/proc/self/task/{os.getpid()}/children", os.O_RDONLY | os.O_CLOEXEC)

    def may_be(self) -> bool:
        return self._file is None or os.pread(self._file, 1, 0) != b""

    def __del__(self, close: Callable[[int], None] = os.close) -> None:
        if self._file is not None:
            close(self._file)


class ChildLauncher:
    """`agent.ports.Launcher`.

    `nice` and `idle_io` are given to every run; `cgroups` False does without them. A dead child that nobody has waited
    for after `unclaimed` seconds is taken for an orphan of an ended run.
    """

    def __init__(
        self,
        state_directory: str,
        *,
        nice: int = 0,
        idle_io: bool = False,
        cgroups: bool = True,
        unclaimed: float = 30.0,
    ) -> None:
        # The directory's identity is short, is the same by every path, and needs no place to be kept.
        identity = os.stat(state_directory)
        self._key = f"{identity.st_dev:x}-{identity.st_ino:x}"
        self._nice = nice
        self._idle = _idle_setter() if idle_io else None
        self._unclaimed = unclaimed
        self._groups = Cgroups.discover() if cgroups else None
        self._lock = threading.RLock()
        self._spare = SpareDescriptors()
        self._own: dict[int, RunProcess] = {}
        self._unremoved: list[Cgroup] = []
        self._dead: dict[tuple[int, int], float] = {}
        self._clean: int | None = None
        self._offspring = _Offspring()
        self._reaper = False

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> RunProcess:
        """Given a run, its attempt and an argument list, start its process; raises RunFailed when that fails.

        A plain child is in no box, and its supervisor alone holds it to its time.
        """
        del bounds
        with self._lock:
            group = self._groups.make(self._name(run)) if self._groups else None
            environment = {key: value for key, value in os.environ.items() if key not in _FOR_THE_DAEMON_ALONE}
            environment |= {MARKER: self._mark(run), GROUP: group.path if group else ""}
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
        # Imported for the first run: an agent is ready before there is one.
        import subprocess  # noqa: PLC0415

        if not self._reaper:
            proc.become_subreaper()
            self._reaper = True
        popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, start_new_session=True, env=environment)
        descriptor = -1
        try:
            descriptor = os.pidfd_open(popen.pid)
            process = proc.look(popen.pid)
            assert process is not None, "a child that was not waited for is on the process table"
            self._lower(popen.pid)
        except OSError:
            popen.kill()
            popen.wait()
            if descriptor >= 0:
                os.close(descriptor)
            raise
        return RunProcess(run, process, descriptor, popen, self._kill, self._forget)

    def _lower(self, pid: int) -> None:
        if self._nice:
            os.setpriority(os.PRIO_PROCESS, pid, self._nice)
        if self._idle is not None:
            self._idle(pid)

    def adopt(self, run: int, pid: int, pid_started: float) -> RunProcess | None:
        """Given a run and its process by id and start time (ticks after boot), return a handle on it, or None."""
        held = proc.held(pid, pid_started)
        if held is None:
            return None
        child = RunProcess(run, *held, None, self._kill, self._forget)
        with self._lock:
            self._own[pid] = child
        return child

    def leftovers(self) -> set[int]:
        """Return the runs, at work or ended, of which there are groups or, on a host without them, processes."""
        groups = self._groups
        found = proc.marks(MARKER, self._mark("")) if groups is None else groups.named(self._name(""))
        return {int(run) for run in found if run.isdecimal()}

    def sweep(self, run: int) -> None:
        """End what a run without a living main process has left behind; waits up to a second for their end."""
        with self._lock:
            if run != self._clean and self._end(run, lambda: self._marked(run), _PATIENT):
                self._clean = run

    def reap(self) -> None:
        """Bury dead orphans and empty groups of ended runs. Call it now and then; it costs a look at the children."""
        with self._lock:
            now, seen = time.monotonic(), self._dead
            self._dead = {}
            for process in self._strangers() if self._offspring.may_be() and _has_dead() else ():
                if process.dead:
                    key = (process.pid, process.started)
                    self._dead[key] = seen.get(key, now)
                    if now - self._dead[key] >= self._unclaimed:
                        proc.reap(process)
            self._unremoved = [group for group in self._unremoved if not group.remove()]

    def _kill(self, child: RunProcess) -> None:
        """End a run; what outlasts a moment is left to `close` and `sweep`."""
        with self._lock, self._spare.released():
            # Looked for first: with the death of an adopted process its children would be lost to init.
            lives = proc.same(child.pid, child.pid_started) is not None
            tree = proc.descendants([child.pid]) if lives else []
            child.signal(signal.SIGKILL)
            self._end(child.run, lambda: self._orphans(child.run), _AT_ONCE, tree)

    def _forget(self, child: RunProcess, ended: bool) -> None:
        with self._lock:
            self._own.pop(child.pid, None)
            # What an adopted process left behind went to init with its death.
            find = self._orphans if child.owned else self._marked
            if ended and self._end(child.run, lambda: find(child.run), _AT_ONCE):
                self._clean = child.run

    def _end(self, run: int, find: proc.Find, patience: float, known: Sequence[proc.Process] = ()) -> bool:
        """End what `find` finds, what is known, and what is in the run's group; return whether nothing is left."""
        with self._spare.released():
            group = self._groups.group(self._name(run)) if self._groups else None
            known = list(known)
            if group is not None and group.exists():
                known += proc.descendants(group.pids(below=True))
                group.kill()
            survivors = proc.end(lambda: [*find(), *proc.alive(known)], patience, known=known, keep=self._own)
            if group is not None and not group.remove():
                self._unremoved.append(group)
        if survivors:
            pids = ", ".join(str(process.pid) for process in survivors)
            LOG.warning("run %d left processes that SIGKILL does not end at once: %s", run, pids)
        return not survivors

    def _orphans(self, run: int) -> Iterator[proc.Process]:
        """Yield what a run whose process has ended left to this process, its subreaper."""
        mark = self._mark(run)
        for process in self._strangers():
            if not process.dead and proc.carries(process.pid, MARKER, mark):
                yield from proc.descendants([process.pid])

    def _strangers(self) -> Iterator[proc.Process]:
        """Yield the children of this process that are no run's main process."""
        for pid in proc.children(os.getpid()):
            process = proc.look(pid) if pid not in self._own else None
            if process is not None:
                yield process

    def _marked(self, run: int) -> list[proc.Process]:
        return proc.marked(MARKER, self._mark(run))

    def _name(self, run: int | str) -> str:
        return f"hostkeeper-run-{self._key}-{run}"

    def _mark(self, run: int | str) -> str:
        return f"{self._key}:{run}"
