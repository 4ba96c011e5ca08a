"""Which pending runs start, wait or are skipped, and until when nothing changes by itself.

Runs are decided in the order of priority, then needs (a task after what it needs), then due time. The gates, in the
order in which the first closed one names the reason:

1. a hold (disabled, removed, on hold, breaker open) or a failed need: skipped;
2. `not_before` (jitter, or the delay before a retry): waits;
3. overlap with another run of the task, pending or running: by its policy below;
4. a need still to come: waits;
5. the window, and whether the work fits in what is left of it: waits;
6. the host's limit of runs at a time: waits.

A run that waits never keeps a later one from a free place. Overlap: with `skip`, only the earliest run of a task stays
and the others are skipped. With `queue`, runs of a task go one after another by due time; QUEUE of them may wait. With
`replace`, the latest that may begin stays: older pending ones are skipped as superseded, and once nothing but the
running one is in its way, that one is told to stop.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct

from agent.model.policies import Overlap, Priority
from agent.model.reasons import Reason
from agent.rules.fit import Fit, fits
from agent.rules.needs import READY, Answer, Readiness
from agent.rules.windows import Closed, State

QUEUE = 10
"""How many runs of one task may wait behind its first; a task that always falls due faster than it runs is skipped."""


class Candidate(Struct, frozen=True, kw_only=True):
    """A pending run. Instants are seconds since the epoch.

    `rank` is the task's depth from `agent.rules.needs.ranks`, and `overlap` the same for every run of a task. `retry`
    says that `not_before` comes from a retry's delay, `begun` that the run was interrupted and is to be gone on with:
    overlap never skips it. `hold` is why the run may not start at all, `window` the state of its window (None without
    one) at the instant of the decision, and `expected` the 95th percentile of its history in seconds, from
    `agent.rules.fit.p95`.
    """

    run: int
    task: str
    due: float
    not_before: float
    priority: Priority
    overlap: Overlap
    rank: int = 0
    retry: bool = False
    begun: bool = False
    hold: Reason | None = None
    needs: Answer = READY
    window: State | None = None
    expected: float | None = None


class Running(Struct, frozen=True):
    """A run that has a process; `stopping` says that it has been told to stop."""

    run: int
    task: str
    stopping: bool = False


class Start(Struct, frozen=True):
    """The run starts."""

    run: int


class Wait(Struct, frozen=True):
    """The run waits; `until` is when the reason may end by the clock alone, None if only an event ends it.

    `detail` names what it waits for: a needed task, or the running run.
    """

    run: int
    reason: Reason
    until: float | None = None
    detail: str = ""


class Skip(Struct, frozen=True):
    """The run is skipped for good; `detail` names the needed task that failed."""

    run: int
    reason: Reason
    detail: str = ""


Decision = Start | Wait | Skip


class Dispatch(Struct, frozen=True):
    """One decision for each pending run, in the order they were taken; which running runs are to stop as replaced.

    `wake` is the earliest instant at which the clock alone changes a decision; None if only events do.
    """

    decisions: tuple[Decision, ...]
    stops: tuple[int, ...]
    wake: float | None


class _Family:
    """The runs of one task, which are in one another's way."""

    __slots__ = ("begun", "latest", "place", "running")

    def __init__(self) -> None:
        self.running: list[Running] = []
        self.place: dict[int, int] = {}
        self.latest: int | None = None
        self.begun = False


def decide(pending: Iterable[Candidate], running: Sequence[Running], limit: int, now: float) -> Dispatch:
    """Given pending and running runs and the limit of runs at a time, decide on every pending one at `now`."""
    ordered = sorted(pending, key=attrgetter("priority", "rank", "due", "run"))
    out: dict[int, Decision] = {candidate.run: skip for candidate in ordered if (skip := _ended(candidate)) is not None}
    families = _families([candidate for candidate in ordered if candidate.run not in out], running, now)
    free = limit - len(running)
    decisions: list[Decision] = []
    stops: list[int] = []
    wakes: list[float] = []
    for candidate in ordered:
        family = families[candidate.task]
        decision: Decision | None = out.get(candidate.run) or _gates(candidate, family, now)
        if decision is None and family.running:
            stops.extend(run.run for run in family.running if not run.stopping)
            last_start = _last_start(candidate, now)
            decision = Wait(candidate.run, Reason.OVERLAP_QUEUED, last_start, f"run {family.running[0].run}")
        elif decision is None and free <= 0:
            decision = Wait(candidate.run, Reason.CONCURRENCY, _last_start(candidate, now))
        elif decision is None:
            free -= 1
            decision = Start(candidate.run)
        if isinstance(decision, Wait) and decision.until is not None:
            wakes.append(decision.until)
        decisions.append(decision)
    return Dispatch(tuple(decisions), tuple(stops), min(wakes, default=None))


def _ended(candidate: Candidate) -> Skip | None:
    if candidate.hold is not None:
        return Skip(candidate.run, candidate.hold)
    if candidate.needs.readiness is Readiness.FAILED:
        return Skip(candidate.run, Reason.NEEDS_FAILED, candidate.needs.task)
    return None


def _families(pending: Iterable[Candidate], running: Iterable[Running], now: float) -> dict[str, _Family]:
    families: dict[str, _Family] = defaultdict(_Family)
    for run in running:
        families[run.task].running.append(run)
    for candidate in sorted(pending, key=attrgetter("due", "run")):
        family = families[candidate.task]
        family.place[candidate.run] = len(family.place)
        family.begun = family.begun or candidate.begun
        if candidate.not_before <= now:
            family.latest = candidate.run
    return families


def _gates(candidate: Candidate, family: _Family, now: float) -> Wait | Skip | None:
    """Return what keeps the run from starting, but for the limit and a run that it replaces; None if nothing does."""
    if candidate.not_before > now:
        reason = Reason.RETRY_DELAY if candidate.retry else Reason.JITTER
        return Wait(candidate.run, reason, candidate.not_before)
    overlap = _overlap(candidate, family)
    if overlap is not None:
        return overlap
    if candidate.needs.readiness is Readiness.WAITING:
        return Wait(candidate.run, Reason.NEEDS_WAITING, None, candidate.needs.task)
    return _window(candidate, now)


def _overlap(candidate: Candidate, family: _Family) -> Wait | Skip | None:
    ahead = family.place[candidate.run] + len(family.running)
    if candidate.overlap is Overlap.REPLACE and not candidate.begun:
        if candidate.run != family.latest:
            return Skip(candidate.run, Reason.SUPERSEDED)
        return Wait(candidate.run, Reason.OVERLAP_QUEUED) if family.begun else None
    if ahead == 0:
        return None
    if not candidate.begun and (candidate.overlap is Overlap.SKIP or ahead > QUEUE):
        return Skip(candidate.run, Reason.OVERLAP)
    return Wait(candidate.run, Reason.OVERLAP_QUEUED)


def _window(candidate: Candidate, now: float) -> Wait | None:
    window = candidate.window
    if window is None:
        return None
    if isinstance(window, Closed):
        opening = window.next_opening
        return Wait(candidate.run, Reason.WINDOW_CLOSED, opening.timestamp() if opening else None)
    ends = window.until.timestamp()
    if fits(candidate.expected, ends - now) is Fit.NO:
        return Wait(candidate.run, Reason.WILL_NOT_FIT, ends)
    return None


def _last_start(candidate: Candidate, now: float) -> float | None:
    """Return when its window turns away a run that waits for others to end: when it no longer fits, or at the end."""
    if candidate.window is None or isinstance(candidate.window, Closed):
        return None
    ends = candidate.window.until.timestamp()
    fitting = ends - (candidate.expected or 0.0)
    return fitting if fitting > now else ends
