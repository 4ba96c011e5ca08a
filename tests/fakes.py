"""Fakes at the ports, shared by all tests: small and complete."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from agent.engine.nothing import NoSamples
from agent.model.actions import Judgement
from agent.model.backups import Backup, Proof, Verification
from agent.model.findings import Finding
from agent.model.policies import Category, Limits, Overlap, Position, Priority, Retry, Schedule, Task
from agent.model.signals import Sample
from agent.ports import Bounds, Command, Completed, Context, Processes, Program, SampleHistory, StopRequested

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class FakeClock:
    """Time that passes when told to; sleeping tells it to."""

    wall: datetime = EPOCH
    elapsed: float = 1000.0
    asleep: float = 0.0

    def now(self) -> datetime:
        return self.wall

    def seconds(self) -> float:
        return self.wall.timestamp()

    def monotonic(self) -> float:
        return self.elapsed

    def suspended(self) -> float:
        return self.asleep

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.elapsed += seconds

    def suspend(self, seconds: float) -> None:
        """Let time pass in which nothing works."""
        self.advance(seconds)
        self.asleep += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock without time passing."""
        self.wall += timedelta(seconds=seconds)


@dataclass
class FakePiped:
    """How programs ended that never were."""

    completed: tuple[Completed, ...] = ()


@dataclass
class FakeProcesses:
    """Answers each command from a table of argument lists; remembers what was run, alone and at work together."""

    answers: dict[tuple[str, ...], Completed] = field(default_factory=dict)
    ran: list[Command] = field(default_factory=list)
    together: list[tuple[Program, ...]] = field(default_factory=list)

    def run(self, command: Command, stop: Callable[[], bool]) -> Completed:
        self.ran.append(command)
        return self._answer(command)

    @contextmanager
    def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> Iterator[FakePiped]:
        self.together.append(tuple(programs))
        piped = FakePiped()
        yield piped
        piped.completed = tuple(self._answer(program.command) for program in programs)

    def _answer(self, command: Command) -> Completed:
        return self.answers.get(command.argv, Completed(0, "", 0, False, 0.0))


@dataclass
class FakeMemory:
    facts: dict[str, object] = field(default_factory=dict)

    def recall(self, key: str) -> object | None:
        return self.facts.get(key)

    def remember(self, key: str, value: object) -> None:
        self.facts[key] = value


@dataclass
class FakeObjectLog:
    deleted: list[tuple[bytes, str]] = field(default_factory=list)

    def record(self, directory: bytes, names: Sequence[bytes], reason: str) -> None:
        self.deleted += [(directory + b"/" + name, reason) for name in names]


@dataclass
class FakeLedger:
    """Keeps backups, and what is known of them, by repository and id, as long as it lives."""

    backups: dict[tuple[str, str], Backup] = field(default_factory=dict)
    proven: dict[tuple[str, str], Proof] = field(default_factory=dict)
    checked: dict[tuple[str, str], Verification] = field(default_factory=dict)

    def made(self, backup: Backup) -> None:
        self.backups[backup.repository, backup.id] = backup

    def known(self, repository: str, task: str) -> tuple[Backup, ...]:
        mine = [one for one in self.backups.values() if (one.repository, one.task) == (repository, task)]
        return tuple(sorted(mine, key=lambda one: (one.began, one.id)))

    def tasks(self, repository: str) -> tuple[str, ...]:
        return tuple(sorted({one.task for one in self.backups.values() if one.repository == repository}))

    def removed(self, repository: str, backups: Sequence[str]) -> None:
        for backup in backups:
            self.backups.pop((repository, backup), None)
            self.proven.pop((repository, backup), None)
            self.checked.pop((repository, backup), None)

    def proved(self, proof: Proof) -> None:
        self.proven[proof.repository, proof.backup] = proof

    def proofs(self, repository: str) -> Mapping[str, Proof]:
        return {backup: proof for (where, backup), proof in self.proven.items() if where == repository}

    def verified(self, verification: Verification) -> None:
        key = verification.repository, verification.backup
        before = self.checked.get(key)
        if verification.deep or verification.flaws or before is None or not (before.deep or before.flaws):
            self.checked[key] = verification

    def verifications(self, repository: str) -> Mapping[str, Verification]:
        return {backup: one for (where, backup), one in self.checked.items() if where == repository}


@dataclass
class FakeDiscoveries:
    """Keeps findings by id, and the numbers of each task."""

    findings: dict[str, Finding] = field(default_factory=dict)
    numbers: dict[str, tuple[Sample, ...]] = field(default_factory=dict)

    def found(self, findings: Sequence[Finding]) -> None:
        self.findings.update({finding.id: finding for finding in findings})

    def settled(self, task: str, finding: str) -> bool:
        return self.findings.pop(finding, None) is not None

    def measured(self, task: str, at: float, samples: Sequence[Sample]) -> None:
        self.numbers[task] = tuple(samples)


@dataclass
class Stop:
    """Raised by the test, asked by the action."""

    raised: bool = False
    after: int | None = None

    def stopping(self) -> bool:
        return self.raised

    def checkpoint(self) -> None:
        if self.after is not None:
            self.after -= 1
            self.raised = self.raised or self.after < 0
        if self.raised:
            raise StopRequested


def context(
    *,
    clock: FakeClock | None = None,
    limits: Limits | None = None,
    processes: Processes | None = None,
    memory: FakeMemory | None = None,
    objects: FakeObjectLog | None = None,
    ledger: FakeLedger | None = None,
    discoveries: FakeDiscoveries | None = None,
    samples: SampleHistory | None = None,
    host: str = "host",
    place: str = "/nonexistent/place",
    explain: Callable[[Judgement], None] = lambda _: None,
    stop: Stop | None = None,
    now: datetime | None = None,
) -> Context:
    """Return a context for an action under test; whatever is not given is a fresh fake."""
    clock = clock or FakeClock()
    stop = stop or Stop()
    return Context(
        task="task",
        run=1,
        now=now or clock.now(),
        limits=limits or Limits(),
        clock=clock,
        processes=processes or FakeProcesses(),
        memory=memory or FakeMemory(),
        objects=objects or FakeObjectLog(),
        ledger=ledger or FakeLedger(),
        discoveries=discoveries or FakeDiscoveries(),
        samples=samples or NoSamples(),
        host=host,
        place=place,
        explain=explain,
        checkpoint=stop.checkpoint,
        stopping=stop.stopping,
        progress=lambda done, total, unit: None,
    )


TASK = Task(
    name="task",
    description="",
    category=Category.PREVENTIVE,
    action="command.run",
    options='{"command": ["true"]}',
    schedule=Schedule("@daily", "UTC", 0.0, True),
    window=None,
    priority=Priority.NORMAL,
    needs=(),
    enabled=True,
    max_duration=3600.0,
    retry=Retry(1, 0.0),
    overlap=Overlap.SKIP,
    limits=Limits(),
    at_most=None,
    position=Position("policy.yaml", 1, 1),
)


def task(name: str = "task", **changes: object) -> Task:
    """Return a valid task that differs from TASK in the fields named."""
    return replace(TASK, name=name, **changes)


@dataclass
class FakeChild:
    """A run process that lives until the test ends it; `fileno` becomes readable then."""

    pid: int
    pid_started: float = 1.0
    code: int | None = None
    asked: int = 0
    killed: int = 0
    closed: bool = False

    def __post_init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def poll(self) -> int | None:
        return self.code

    def fileno(self) -> int:
        return self._reader

    def terminate(self) -> None:
        self.asked += 1

    def kill(self) -> None:
        self.killed += 1
        if self.code is None:
            self.end(-9)

    def end(self, code: int) -> None:
        """The process ends."""
        if self.code is None:
            self.code = code
            os.close(self._writer)

    def close(self) -> None:
        self.end(-9)
        if not self.closed:
            self.closed = True
            os.close(self._reader)


@dataclass
class FakeLauncher:
    """Remembers what was started; processes do nothing by themselves."""

    started: list[tuple[int, int, tuple[str, ...]]] = field(default_factory=list)
    children: dict[int, FakeChild] = field(default_factory=dict)
    alive: dict[tuple[int, float], FakeChild] = field(default_factory=dict)
    swept: list[int] = field(default_factory=list)
    left: set[int] = field(default_factory=set)
    bounds: list[Bounds] = field(default_factory=list)

    def start(self, run: int, attempt: int, argv: Sequence[str], bounds: Bounds) -> FakeChild:
        child = FakeChild(pid=10_000 + len(self.started))
        self.started.append((run, attempt, tuple(argv)))
        self.bounds.append(bounds)
        self.children[run] = child
        return child

    def adopt(self, run: int, pid: int, pid_started: float) -> FakeChild | None:
        return self.alive.get((pid, pid_started))

    def leftovers(self) -> set[int]:
        return self.left

    def sweep(self, run: int) -> None:
        self.swept.append(run)

    def reap(self) -> None:
        pass
