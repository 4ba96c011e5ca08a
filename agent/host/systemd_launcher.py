"""Starts each run as a transient unit of systemd: with a control group, a journal and a sandbox of its own.

The service manager is the parent of the runs, so they outlive the agent, and whatever one leaves behind ends with its
unit. What this process keeps of a run is a descriptor of its main process, as it does of a plain child.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from agent.errors import RunFailed
from agent.host import proc
from agent.host.credentials import path
from agent.host.run_process import MARKER, UNIT, RunProcess
from agent.host.spare import SpareDescriptors
from agent.host.units import SLICE, Units, call
from agent.model.box import Box
from agent.model.settings import RunLimits
from agent.ports import Bounds
from agent.rules.confinement import Property, properties

LOG = logging.getLogger(__name__)
_START_SECONDS = 15.0
_STOP_SECONDS = 5.0
_MARGIN = 60.0
_AT_ONCE = 0.2
_PATIENT = 1.0
_HANDED_ON = ("LANG", "TZ")
_HANDED_ON_PREFIX = "HOSTKEEPER_"
_SIMPLE = re.compile(r"(/[\w.,:@+-]+)+/?", re.ASCII)
"""A path that the service manager finds nothing in to put something in place of."""


class SystemdLauncher:
    """`agent.ports.Launcher` by `systemd-run`.

    `grace` is how many seconds a run that is asked to stop may take. A run that nobody supervises is ended by systemd
    itself, `_MARGIN` seconds after a supervisor would have ended it.
    """

    def __init__(self, state_directory: str, *, limits: RunLimits, grace: float) -> None:
        self._state = os.path.realpath(state_directory)
        self._units = Units(state_directory)
        self._limits = limits
        self._grace = grace
        self._spare = SpareDescriptors()

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> RunProcess:
        """Given a run, its attempt, an argument list and its bounds, start its unit; raises RunFailed."""
        unit = self._units.name(run, attempt)
        try:
            done = call(self._order(unit, run, argv, bounds), _START_SECONDS)
            if done.returncode:
                raise OSError(done.stderr.strip() or f"systemd-run ended with {done.returncode}")
            return self._main(run, unit)
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            told = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise RunFailed(f"cannot start the process of run {run}, attempt {attempt}: {told}") from error

    def _order(self, unit: str, run: int, argv: Sequence[str], bounds: Bounds) -> list[str]:
        environment = {MARKER: f"{self._units.key}:{run}", UNIT: unit}
        held = (
            *unit_properties(bounds, limits=self._limits, grace=self._grace, state=self._state),
            *lending(bounds, unit),
        )
        return [
            *("systemd-run", "--quiet", "--collect", "--service-type=exec", f"--unit={unit}", f"--slice={SLICE}"),
            f"--description={bounds.task}, run {run} of hostkeeper",
            *(f"--setenv={name}={value}" for name, value in _environment(os.environ, environment).items()),
            *(f"--property={name}={value}" for name, value in held),
            f"--property=LogExtraFields=HOSTKEEPER_RUN={run}",
            f"--property=LogExtraFields=HOSTKEEPER_TASK={bounds.task}",
            "--",
            # The service manager would put its own variables in place of names after a dollar sign.
            *(word.replace("$", "$$") for word in argv),
        ]

    def _main(self, run: int, unit: str) -> RunProcess:
        """Return the handle of a unit's main process, which may have ended in the meantime."""
        found = [process for pid in self._units.group(unit).pids() if (process := proc.look(pid)) is not None]
        mains = [process for process in found if process.session == process.pid and process.parent == 1]
        for main in sorted(mains, key=lambda process: process.started):
            child = self.adopt(run, main.pid, float(main.started))
            if child is not None:
                return child
        # What is readable at once is how a process that has ended looks to whoever watches it.
        over = os.eventfd(1, os.EFD_CLOEXEC)
        return RunProcess(run, proc.Process(-1, 1, -1, "X", 0), over, None, self._kill, self._forget)

    def adopt(self, run: int, pid: int, pid_started: float) -> RunProcess | None:
        """Given a run and its process by id and start time (ticks after boot), return a handle on it, or None."""
        held = proc.held(pid, pid_started)
        return None if held is None else RunProcess(run, *held, None, self._kill, self._forget)

    def leftovers(self) -> set[int]:
        """Return the runs, at work or ended, whose units have processes."""
        return {run for run, _ in self._units.alive()}

    def sweep(self, run: int) -> None:
        """End what a run without a living main process has left behind; waits up to a second for their end."""
        self._end(run, [], _PATIENT)

    def reap(self) -> None:
        """Nothing to bury: the service manager is the parent of all runs."""

    def _kill(self, child: RunProcess) -> None:
        with self._spare.released():
            # Looked for first: a run that an agent without units started has a tree, and no unit.
            lives = proc.same(child.pid, child.pid_started) is not None
            tree = proc.descendants([child.pid]) if lives else []
            child.signal(signal.SIGKILL)
            self._end(child.run, tree, _AT_ONCE)

    def _forget(self, child: RunProcess, ended: bool) -> None:
        if ended:
            self._end(child.run, [], _AT_ONCE)

    def _end(self, run: int, known: Sequence[proc.Process], patience: float) -> None:
        """End what is in the units of a run, and what is known; what outlasts `patience` seconds is told of."""
        with self._spare.released():
            units = [unit for other, unit in self._units.alive() if other == run]
            for unit in units:
                self._units.kill(unit)
            if not units and not known:
                return
            survivors = proc.end(lambda: [*self._members(units), *proc.alive(known)], patience, known=known)
        if survivors:
            pids = ", ".join(str(process.pid) for process in survivors)
            LOG.warning("run %d left processes that SIGKILL does not end at once: %s", run, pids)

    def _members(self, units: Sequence[str]) -> Iterator[proc.Process]:
        for unit in units:
            for pid in self._units.group(unit).pids(below=True):
                process = proc.look(pid)
                if process is not None and not process.dead:
                    yield process


def unit_properties(bounds: Bounds, *, limits: RunLimits, grace: float, state: str) -> tuple[Property, ...]:
    """Given what a run is held to, return the properties of its unit. Raises ValueError for a path that no unit takes.

    `grace` is seconds, `state` the state directory.
    """
    ended = () if bounds.seconds is None else (("RuntimeMaxSec", f"{bounds.seconds + grace + _MARGIN:g}"),)
    return (
        # The main process alone is asked to stop: its own commands are its to stop. Whatever it leaves is killed.
        ("KillMode", "mixed"),
        ("TimeoutStopSec", f"{grace + _STOP_SECONDS:g}"),
        *ended,
        # A command that the kernel ended for its memory is the run's to tell of.
        ("OOMPolicy", "continue"),
        ("UMask", "0077"),
        ("SyslogIdentifier", "hostkeeper"),
        *_limiting(limits),
        *making(bounds.box),
        *properties(bounds.box, state=state, program=program()),
    )


def making(box: Box) -> Iterator[Property]:
    """Yield what makes directories, for root alone, before a run that could not; it says itself when one is not there.

    The agent cannot make them either: all but its state is read-only for it.
    """
    for directory in box.made if box.confined else ():
        if _SIMPLE.fullmatch(directory):
            yield "ExecStartPre", f"+-/usr/bin/mkdir --parents --mode=0700 {directory}"


def lending(bounds: Bounds, unit: str) -> Iterator[Property]:
    """Yield what gives a run the credentials that its task names; it says itself when one is not there."""
    for name in bounds.box.credentials:
        if os.path.isfile(path(name)):
            yield "LoadCredential", f"{name}:{path(name)}"
    if bounds.box.credentials:
        yield "RuntimeDirectory", f"hostkeeper-runs/{unit}"
        yield "RuntimeDirectoryMode", "0711"


def program() -> tuple[str, ...]:
    """Return the directories without which this program does not start."""
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    return tuple(sorted({sys.prefix, sys.base_prefix, package}))


def _environment(environ: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    handed = {
        name: value for name, value in environ.items() if name in _HANDED_ON or name.startswith(_HANDED_ON_PREFIX)
    }
    return {**handed, **more}


def _limiting(limits: RunLimits) -> Iterator[Property]:
    if limits.nice:
        yield "Nice", str(limits.nice)
    if limits.idle_io:
        yield "IOSchedulingClass", "idle"
    if limits.memory is not None:
        yield "MemoryMax", str(limits.memory)
    if limits.cpu_weight is not None:
        yield "CPUWeight", str(limits.cpu_weight)
    if limits.processes is not None:
        yield "TasksMax", str(limits.processes)
