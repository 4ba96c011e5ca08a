"""Everything that a report tells, gathered from the store; its size is bounded, whatever the history's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime
from statistics import median

from msgspec import Struct

from agent.engine.picture import Picture
from agent.errors import StoreError
from agent.model.runs import BAD, Run, RunOutcome, StepRecord, StepState
from agent.report.period import QUANTUM, Period, place
from agent.rules.capacity import Outlook
from agent.rules.upcoming import Upcoming
from agent.store import Store
from agent.store.tally import Caused, Ending, Point, Tally
from agent.store.verdict import Verdict

FREED = "deleted_bytes"
DELETED = "deleted"
MOST_TASKS = 50
MOST_FAILURES = 20
MOST_POINTS = 240
MOST_POLICIES = 20


class Host(Struct, frozen=True):
    """Whose report it is: the host's name, the version of the program, and when it was made."""

    name: str
    version: str
    made: float


class TaskStory(Struct, frozen=True):
    """What came of a task. `usual` is the median of its durations in seconds, None if it never began."""

    name: str
    endings: tuple[Ending, ...]
    points: tuple[Point, ...] = ()
    usual: float | None = None

    def count(self, *outcomes: RunOutcome) -> int:
        """Return how many runs ended in any of some ways."""
        return sum(ending.count for ending in self.endings if ending.state in outcomes)

    @property
    def bad(self) -> int:
        """How many runs a person should have looked at."""
        return self.count(*BAD)

    @property
    def seconds(self) -> float:
        """How long all of its runs took together."""
        return sum(ending.seconds for ending in self.endings)

    @property
    def last(self) -> Ending:
        """How its last run ended."""
        return max(self.endings, key=lambda ending: ending.last_id)


class Failure(Struct, frozen=True):
    """An ending that is bad, and the last run that came to it (None if unreadable) with the steps that tell why."""

    ending: Ending
    run: Run | None
    steps: tuple[StepRecord, ...] = ()


class Present(Struct, frozen=True, kw_only=True):
    """How things stand when the report is made. `today` is an aware instant of the day that `coming` begins with.

    `coming` is None when the policies in force cannot be read, and `mistakes` says why then; otherwise it names the
    mistakes in the files as they are. `damage` is what keeps the rest from being told. `outlooks` are of what fills up.
    """

    picture: Picture | None = None
    coming: Upcoming | None = None
    today: datetime
    mistakes: tuple[str, ...] = ()
    damage: str = ""
    outlooks: tuple[Outlook, ...] = ()


class Story(Struct, frozen=True, kw_only=True):
    """What a report tells. `tasks` and `failures` are the foremost of all; the endings are of all.

    `slices` counts the ends in each slice of time by how, `freed` the bytes that were freed in it; `numbers` sums by
    task and name what steps have told. `policies` are the sets put in force, the last first.
    """

    host: Host
    period: Period
    edges: tuple[float, ...]
    endings: tuple[Ending, ...]
    slices: tuple[Mapping[RunOutcome, int], ...]
    freed: tuple[float, ...]
    tasks: tuple[TaskStory, ...]
    tasks_in_all: int
    failures: tuple[Failure, ...]
    failures_in_all: int
    numbers: Mapping[str, Mapping[str, float]]
    taken_back: tuple[tuple[str, str, int, float], ...]
    caused: tuple[Caused, ...]
    policies: tuple[tuple[float, str], ...]
    policies_in_all: int
    verdict: Verdict
    present: Present

    @property
    def is_current(self) -> bool:
        """Whether the period ends today, so that how things stand now is part of it."""
        return self.host.made - self.period.until < 86_400

    def total(self, *outcomes: RunOutcome) -> int:
        """Return how many runs ended in any of some ways, or at all if none is named."""
        return sum(ending.count for ending in self.endings if not outcomes or ending.state in outcomes)

    def sum_of(self, name: str) -> float:
        """Return the sum over all tasks of a number that steps have told."""
        return sum(numbers.get(name, 0.0) for numbers in self.numbers.values())


def gather(store: Store, period: Period, host: Host, verdict: Verdict, present: Present) -> Story:
    """Given an open store and what was found out besides, return the story of a period."""
    tally = Tally(store.connection, period.since, period.until)
    edges = period.edges()
    endings = tally.endings()
    by_task: dict[str, list[Ending]] = defaultdict(list)
    for ending in endings:
        by_task[ending.task].append(ending)
    tasks = sorted((TaskStory(name, tuple(found)) for name, found in by_task.items()), key=_foremost)
    bad = sorted((ending for ending in endings if ending.state in BAD), key=lambda ending: -ending.last)
    policies, policies_in_all = tally.policies(MOST_POLICIES)
    return Story(
        host=host,
        period=period,
        edges=tuple(edges),
        endings=tuple(endings),
        slices=tuple(_counted(tally, edges)),
        freed=tuple(_freed(tally, edges)),
        tasks=tuple(_timed(tally, task) for task in tasks[:MOST_TASKS]),
        tasks_in_all=len(tasks),
        failures=tuple(_failure(store, ending) for ending in bad[:MOST_FAILURES]),
        failures_in_all=len(bad),
        numbers=_numbers(tally),
        taken_back=tuple(tally.taken_back()),
        caused=tuple(tally.caused()),
        policies=tuple(policies),
        policies_in_all=policies_in_all,
        verdict=verdict,
        present=present,
    )


def _foremost(task: TaskStory) -> tuple[bool, int, float, str]:
    """What went wrong last comes first, then what went wrong, then what took long."""
    return task.last.state not in BAD, -task.bad, -task.seconds, task.name


def _numbers(tally: Tally) -> dict[str, dict[str, float]]:
    numbers: dict[str, dict[str, float]] = defaultdict(dict)
    for task, name, total in tally.numbers():
        numbers[task][name] = total
    return numbers


def _counted(tally: Tally, edges: list[float]) -> list[Counter[RunOutcome]]:
    slices: list[Counter[RunOutcome]] = [Counter() for _ in edges[1:]]
    for instant, outcome, count in tally.by_time(QUANTUM):
        slices[place(edges, instant)][outcome] += count
    return slices


def _freed(tally: Tally, edges: list[float]) -> list[float]:
    slices = [0.0 for _ in edges[1:]]
    for instant, total in tally.number_by_time(FREED, QUANTUM):
        slices[place(edges, instant)] += total
    return slices


def _timed(tally: Tally, task: TaskStory) -> TaskStory:
    points = tuple(tally.points(task.name, MOST_POINTS))
    usual = median(point.seconds for point in points) if points else None
    return TaskStory(task.name, task.endings, points, usual)


def _failure(store: Store, ending: Ending) -> Failure:
    try:
        run = store.runs.get(ending.last_id)
        steps = [step for step in store.steps.of(run.id) if step.state is StepState.FAILED or step.error]
    except StoreError:
        return Failure(ending, None)
    return Failure(ending, run, tuple(steps))
