"""What the agent needs of the outside world, as Protocols; `agent.host` is the real world, tests bring fakes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from agent.model.actions import Judgement
from agent.model.backups import Backup, Proof, Verification
from agent.model.box import Box
from agent.model.findings import Finding
from agent.model.policies import Limits
from agent.model.signals import Labels, Points, Sample


class Clock(Protocol):
    """Time. `now` is aware and UTC, and `seconds` the same as seconds since the epoch, which costs less to tell.

    `monotonic` counts seconds, suspended ones included, and never steps; `suspended` says how many of them the host was
    suspended for, in which nothing could work.
    """

    def now(self) -> datetime: ...

    def seconds(self) -> float: ...

    def monotonic(self) -> float: ...

    def suspended(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class Command(Struct, frozen=True, kw_only=True):
    """A program to run: an argument list, never a shell line.

    `timeout` and `grace` are seconds; `output_limit` is how many bytes of output are kept (the last ones).
    `environment` is complete: nothing else is inherited. `user` is a login name, or None for the agent's own. The
    files of the named `credentials` are lent to the program, which finds their directory in its environment.
    """

    argv: tuple[str, ...]
    user: str | None
    environment: Mapping[str, str]
    directory: str
    timeout: float
    grace: float
    output_limit: int
    credentials: tuple[str, ...] = ()


class Completed(Struct, frozen=True):
    """How a command ended: exit code (negative: the signal), the tail of its output, and what was cut.

    `timed_out` and `stopped` say who asked it to end; `survivors` are ids of processes that could not be ended.
    """

    code: int
    output: str
    output_bytes: int
    timed_out: bool
    seconds: float
    stopped: bool = False
    survivors: tuple[int, ...] = ()


class Program(Struct, frozen=True):
    """A command with descriptors of ours as its standard input and output; None is an empty input, a lost output.

    What it writes to its standard error is kept as its output, unless `stderr` is a descriptor that gets it.
    """

    command: Command
    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None


class Piped(Protocol):
    """Programs at work together. `completed` says how each ended, in their order, once the context is left."""

    completed: tuple[Completed, ...]


class Processes(Protocol):
    """Runs commands and leaves no descendant of theirs behind."""

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        """Given a command, run it to its end, its timeout, or until `stop()` is true; return how it ended."""
        ...

    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> AbstractContextManager[Piped]:
        """Start programs together; inside the context the caller reads and writes the other ends of their pipes.

        Leaving it waits for all of them; leaving it by an exception ends them. `stop()` and timeouts hold as in
        `run`, so whoever reads their output then sees its end. The caller closes its copies of the descriptors it gave
        away once inside the context. Contexts may stand inside one another.
        """
        ...


class ObjectLog(Protocol):
    """Remembers why objects were deleted, for `hostkeeper why OBJECT`; never fails the work it records."""

    def record(self, directory: bytes, names: Sequence[bytes], reason: str) -> None: ...


class Ledger(Protocol):
    """What this host knows of its backups beyond what repositories tell; losing it loses no backup."""

    def made(self, backup: Backup) -> None:
        """Remember a backup that was made."""
        ...

    def known(self, repository: str, task: str) -> tuple[Backup, ...]:
        """Return the backups of a task that were made by this host and not removed since, oldest first."""
        ...

    def tasks(self, repository: str) -> tuple[str, ...]:
        """Return the names of the tasks of which backups are known, in order."""
        ...

    def removed(self, repository: str, backups: Sequence[str]) -> None:
        """Forget backups, and what is known of them, by id."""
        ...

    def proved(self, proof: Proof) -> None:
        """Remember a restore that succeeded."""
        ...

    def proofs(self, repository: str) -> Mapping[str, Proof]:
        """Return the newest proof of each backup of a repository, by id."""
        ...

    def verified(self, verification: Verification) -> None:
        """Remember a verification, whatever it found."""
        ...

    def verifications(self, repository: str) -> Mapping[str, Verification]:
        """Return by id the newest verification of each backup that was deep or found flaws, else the newest at all.

        A look at the structure alone does not clear what was found before.
        """
        ...


class Past(Protocol):
    """What signals were like."""

    def value(self, key: tuple[str, Labels], at: float) -> float | None:
        """Given a signal's name and labels, return what it was at an instant in seconds since the epoch.

        None where nothing is known of that time. Numbers that stand for some minutes together stand for each of them.
        """
        ...


class SampleHistory(Protocol):
    """The samples that the agent keeps."""

    def series(self) -> Sequence[tuple[str, Labels]]:
        """Return the series there are samples of, each by its signal and its labels."""
        ...

    def read(self, key: tuple[str, Labels], start: float, end: float) -> Points:
        """Given a series, return its numbers from an instant up to another, in seconds since the epoch."""
        ...


class Memory(Protocol):
    """Small JSON-able facts that a task remembers from run to run."""

    def recall(self, key: str) -> object | None: ...

    def remember(self, key: str, value: object) -> None: ...


class Discoveries(Protocol):
    """What a run found out about the host, for people and thresholds."""

    def found(self, findings: Sequence[Finding]) -> None:
        """Remember findings; of one that is known, when it was first seen."""
        ...

    def settled(self, task: str, finding: str) -> bool:
        """Forget a finding that no longer holds; return whether there was one."""
        ...

    def measured(self, task: str, at: float, samples: Sequence[Sample]) -> None:
        """Remember numbers, in the place of those before: signals named without the task, which is put before them."""
        ...


class Context(Struct, frozen=True, kw_only=True):
    """What an action may use. `now` is fixed when the run is first planned, and the same when it is resumed.

    `checkpoint` raises `agent.ports.StopRequested` when the run was told to stop; call it wherever work may be
    left and taken up again. `stopping` only asks. `progress(done, total, unit)` reports; total 0 is unknown.
    `host` is the name under which this host keeps its backups. `place` is the path of a directory for this task
    alone that stays from run to run and that its programs may write to; an action that wants it makes it, mode 0700.
    """

    task: str
    run: int
    now: datetime
    limits: Limits
    clock: Clock
    processes: Processes
    memory: Memory
    objects: ObjectLog
    ledger: Ledger
    discoveries: Discoveries
    samples: SampleHistory
    host: str
    place: str
    explain: Callable[[Judgement], None]
    checkpoint: Callable[[], None]
    stopping: Callable[[], bool]
    progress: Callable[[int, int, str], None]


class StopRequested(Exception):
    """The run was asked to stop at its next checkpoint."""


class Bounds(Struct, frozen=True, kw_only=True):
    """What a run's process is held to: the box of its task, and the seconds it may take, None without an end."""

    task: str
    box: Box
    seconds: float | None


class Child(Protocol):
    """A started run process. `pid_started` is its start time as the store keeps it: clock ticks after boot."""

    pid: int
    pid_started: float

    def poll(self) -> int | None:
        """Return the exit code, or None while the process lives."""
        ...

    def fileno(self) -> int:
        """Return a descriptor that becomes readable when the process has ended."""
        ...

    def terminate(self) -> None:
        """Ask the process to stop at its next checkpoint."""
        ...

    def kill(self) -> None:
        """End the process and every descendant of it, at once."""
        ...

    def close(self) -> None:
        """After the end: remove whatever is left behind, and give descriptors back."""
        ...


class Launcher(Protocol):
    """Starts run processes."""

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> Child:
        """Start the process of a run; a launcher that cannot keep it in its box leaves it out. Raises RunFailed."""
        ...

    def adopt(self, run: int, pid: int, pid_started: float) -> Child | None:
        """Given a process that an earlier daemon started, return a handle on it, or None if it is gone."""
        ...

    def leftovers(self) -> set[int]:
        """Return the runs, at work or ended, of which there may be processes."""
        ...

    def sweep(self, run: int) -> None:
        """End whatever processes a run without a living main process has left behind."""
        ...

    def reap(self) -> None:
        """Do what has to be done now and then; it costs little."""
        ...
