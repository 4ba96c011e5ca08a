"""What a task needs: the order of tasks, loops, and whether what a run needs has succeeded.

`needs: [A]` on B means: after A, in the same cycle, and only if A succeeded. The cycle is the due time of A that B's
run belongs to (`cycle`):

1. B can start by itself when it falls due and, if it has a window, when that window is open. A's latest due time up to
   that instant is the cycle, if it lies in that opening or there is no window.
2. Else, if A falls due later in that same opening, its first due time there is the cycle, though it is yet to come: a
   nightly `@daily` task that needs the backup of 02:15 waits for tonight's backup, not for yesterday's.
3. Else A's latest due time is the cycle, however old: a daily task that needs a weekly one asks for the last week's.

The cycle follows from B's due time alone, never from the present, so that it does not move while B waits. Then
(`state`) B may start once a run of A with that due time or a later one has succeeded: a later one may be the catch-up,
or an admin's own run. It is skipped when such runs have ended and none succeeded, and it waits in all other cases; so
also when A has never run, which is unknown and not fine. A run with nothing to do (Reason.NOTHING_TO_DO) found the
target as it should be, and counts as success; what a command itself called a skip does not. A run of A that was skipped
because the one before it had not ended (Reason.OVERLAP) is as good as that one, which ended after it fell due. If A has
no schedule, its latest run decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from enum import Enum

from msgspec import Struct

from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.rules.windows import Open
from agent.trigger import EPOCH, Trigger, last_fire, next_fire


class Readiness(Enum):
    """Whether what a run needs has succeeded, is still to come, or has failed."""

    READY = "ready"
    WAITING = "waiting"
    FAILED = "failed"


class NeededRun(Struct, frozen=True):
    """A run of a needed task. `retried` says that another try for the same due time follows."""

    due: float
    state: RunState
    why: str = ""
    retried: bool = False


class Need(Struct, frozen=True):
    """A needed task: whether it is enabled, its cycle (epoch seconds, None without a schedule), and its runs.

    `runs` holds at least every run of the cycle's due time and later, and, with the due time of the first that was
    skipped for overlap, the run that it was skipped for; without a schedule, the latest ones; any order.
    """

    task: str
    enabled: bool
    cycle: float | None
    runs: tuple[NeededRun, ...]


class Answer(Struct, frozen=True):
    """The readiness of a run, and the needed task that decided it ("" when ready)."""

    readiness: Readiness
    task: str = ""


READY = Answer(Readiness.READY)
UNFINISHED = frozenset({RunState.PENDING, RunState.RUNNING, RunState.INTERRUPTED})


def state(needs: Sequence[Need]) -> Answer:
    """Given everything a run needs, say whether it may start; a failure counts before a wait."""
    waiting = READY
    for need in needs:
        readiness = _one(need)
        if readiness is Readiness.FAILED:
            return Answer(readiness, need.task)
        if readiness is Readiness.WAITING and waiting is READY:
            waiting = Answer(readiness, need.task)
    return waiting


def cycle(needed: Trigger, zone: tzinfo, due: datetime, opening: Open | None) -> float | None:
    """Return the due time of the needed task that a run due at `due` belongs to, in seconds since the epoch.

    `needed` fires in `zone`. `opening` is the first opening of the run's window that ends after `due`, or None if it
    has no window. None if the needed task never fires up to then.
    """
    start = max(due, opening.since) if opening else due
    latest = last_fire(needed, zone, EPOCH, start.astimezone(UTC))
    if opening and (latest is None or latest < opening.since):
        first = next_fire(needed, zone, start)
        if first is not None and first < opening.until:
            return first.timestamp()
    return None if latest is None else latest.timestamp()


def _one(need: Need) -> Readiness:
    runs = _latest(need.runs) if need.cycle is None else [run for run in need.runs if run.due >= need.cycle]
    if any(_satisfies(run) for run in runs):
        return Readiness.READY
    if any(run.state in UNFINISHED or run.retried for run in runs):
        return Readiness.WAITING
    if runs or not need.enabled:
        return Readiness.FAILED
    return Readiness.WAITING


def _latest(runs: Sequence[NeededRun]) -> list[NeededRun]:
    """Return the latest run, alone."""
    return [max(runs, key=lambda run: run.due)] if runs else []


def _satisfies(run: NeededRun) -> bool:
    return run.state is RunState.SUCCEEDED or (run.state is RunState.SKIPPED and run.why == Reason.NOTHING_TO_DO)


def ranks(needs: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Given what each task needs, return how deep it stands: 0 needs nothing, else one more than its deepest need.

    Names that are not keys are ignored, and so are needs inside a loop; `loops` finds those.
    """
    depth: dict[str, int] = {}
    left = {task: {need for need in wanted if need in needs} for task, wanted in needs.items()}
    wanted_by: dict[str, list[str]] = {task: [] for task in needs}
    for task, wanted in left.items():
        for need in wanted:
            wanted_by[need].append(task)
    level = [task for task, wanted in left.items() if not wanted]
    number = 0
    while level:
        deeper = []
        for task in level:
            depth[task] = number
            for follower in wanted_by[task]:
                left[follower].discard(task)
                if not left[follower]:
                    deeper.append(follower)
        level, number = deeper, number + 1
    return {task: depth.get(task, number) for task in needs}


def loops(needs: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Return loops as `(a, b, c)`: a needs b needs c needs a; at least one in each knot of tasks.

    Each begins with its smallest name. A task that needs itself is a loop of one.
    """
    found: list[tuple[str, ...]] = []
    knotted: set[str] = set()
    seen: set[str] = set()
    for root in sorted(needs):
        path: dict[str, Iterator[str]] = {}
        task: str | None = None if root in seen else root
        while task is not None or path:
            if task is not None:
                seen.add(task)
                path[task] = iter(needs[task])
            here, wanted = next(reversed(path.items()))
            task = None
            need = next(wanted, None)
            if need is None:
                del path[here]
            elif need in path and need not in knotted and here not in knotted:
                found.append(_rotated(list(path)[list(path).index(need) :]))
                knotted.update(found[-1])
            elif need in needs and need not in seen:
                task = need
    return found


def _rotated(loop: list[str]) -> tuple[str, ...]:
    first = loop.index(min(loop))
    return (*loop[first:], *loop[:first])
