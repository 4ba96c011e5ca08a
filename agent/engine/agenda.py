"""What stands in the way of each pending run: the rules of dispatch, fed from the policy set and the store.

The daemon acts on the answer; `hostkeeper why` and `status` show it, whether or not the daemon is up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo

from agent.model.policies import Overlap, PolicySet, Priority, Schedule, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunOutcome, RunState
from agent.rules.dispatch import Candidate
from agent.rules.fit import p95
from agent.rules.needs import READY, Answer, Need, NeededRun, cycle, ranks, state
from agent.rules.outcomes import outcome
from agent.rules.retrying import is_retried
from agent.rules.windows import Gate, Open, State, gate, opening
from agent.rules.windows import state as window_state
from agent.store import Store
from agent.trigger import Trigger, parse, zone

IN_WINDOW = frozenset({Origin.SCHEDULE, Origin.CATCH_UP, Origin.RETRY})
"""Origins whose runs wait for their window: what an admin or a threshold asks for is wanted at once.

A threshold may say that its own are not.
"""

LATEST = 10
"""Of a needed task without a schedule so many runs are looked at for the latest that was not a refused plan."""


class Agenda:
    """Turns open runs into candidates. `local` is the host's own zone."""

    def __init__(self, store: Store, policies: PolicySet, local: tzinfo) -> None:
        self._store = store
        self._policies = policies
        self._local = local
        self._gates: dict[str, Gate] = {}
        needs = {name: task.needs for name, task in policies.tasks.items() if task.needs}
        needed: dict[str, tuple[str, ...]] = dict.fromkeys((name for names in needs.values() for name in names), ())
        self._ranks = ranks(needed | needs)
        self._triggers: dict[str, Trigger] = {}
        self._expected: dict[str, float | None] = {}

    def in_window(self, run: Run) -> bool:
        """Tell whether a run waits for the window of its task, if that has one."""
        if run.origin in IN_WINDOW:
            return True
        threshold = self._policies.thresholds.get(run.cause) if run.origin is Origin.THRESHOLD else None
        return threshold is not None and threshold.wait_for_window

    def window_of(self, task: Task) -> Gate | None:
        """Return the window of a task, ready for use."""
        return self._gate(task.window) if task.window else None

    def _gate(self, name: str) -> Gate:
        if name not in self._gates:
            self._gates[name] = gate(self._policies.windows[name], self._local)
        return self._gates[name]

    def forget_history(self, task: str) -> None:
        """A run of a task has ended: its history is read again when it is asked for."""
        self._expected.pop(task, None)

    def expected(self, task: str) -> float | None:
        """Return how many seconds a task may be expected to take, by its own history; None when that is unknown."""
        if task not in self._expected:
            self._expected[task] = p95(self._store.runs.durations(task))
        return self._expected[task]

    def candidates(self, runs: Iterable[Run], now: float) -> list[Candidate]:
        """Given runs that are pending, or interrupted and to be gone on with, say what stands in each one's way."""
        held = set(self._store.holds.held())
        windows: dict[str, State] = {}
        return [self._candidate(run, now, held, windows) for run in runs]

    def _candidate(self, run: Run, now: float, held: set[str], windows: dict[str, State]) -> Candidate:
        task = self._policies.tasks.get(run.task)
        if task is None:
            return _removed(run)
        name = task.window if task.window and self.in_window(run) else None
        if name is not None and name not in windows:
            windows[name] = window_state(self._gate(name), datetime.fromtimestamp(now, UTC))
        fresh = run.state is RunState.PENDING
        return Candidate(
            run=run.id,
            task=run.task,
            due=run.due,
            not_before=_not_before(run, now),
            priority=task.priority,
            overlap=task.overlap,
            rank=self._ranks.get(run.task, 0),
            retry=run.tries > 1,
            begun=not fresh,
            hold=_hold(task, held) if fresh else None,
            needs=self.needs(run, task) if fresh and run.origin in IN_WINDOW else READY,
            window=windows[name] if name is not None else None,
            expected=self.expected(run.task) if name is not None and fresh else None,
        )

    def needs(self, run: Run, task: Task) -> Answer:
        """Given a run and its task, say whether what it needs has succeeded."""
        if not task.needs:
            return READY
        due = datetime.fromtimestamp(run.due, UTC)
        window = self.window_of(task)
        opened = opening(window, due) if window is not None else None
        return state([self._need(name, due, opened) for name in task.needs])

    def _trigger(self, schedule: Schedule) -> Trigger:
        if schedule.text not in self._triggers:
            self._triggers[schedule.text] = parse(schedule.text)
        return self._triggers[schedule.text]

    def _need(self, name: str, due: datetime, opened: Open | None) -> Need:
        needed = self._policies.tasks[name]
        at = None
        if needed.schedule is not None:
            at = cycle(self._trigger(needed.schedule), zone(needed.schedule.timezone, self._local), due, opened)
        runs = self._store.runs.since(name, at) if at is not None else self._store.runs.recent(LATEST, name)
        # A plan of it that was refused is as if nobody had applied it.
        runs = [run for run in runs if outcome(run) is not RunOutcome.REFUSED][: None if at is not None else 1]
        # Newest first: a try that another run has followed was the last of its kind.
        newest = next((run for run in runs if run.state is not RunState.SKIPPED), None)
        retried = newest is not None and needed.enabled and will_be_retried(newest, needed)
        found = [NeededRun(r.due, r.state, r.why, retried and r is newest) for r in runs]
        return Need(name, needed.enabled, at, (*found, *self._stand_ins(name, runs)))

    def _stand_ins(self, task: str, runs: Sequence[Run]) -> list[NeededRun]:
        """Return the run that the first of a needed task's runs was skipped for, at its due time, if one was."""
        skipped = next((run for run in reversed(runs) if run.why == Reason.OVERLAP), None)
        if skipped is None:
            return []
        return [
            NeededRun(skipped.due, run.state, run.why)
            for run in self._store.runs.recent(1, task, before=skipped.id, but=Reason.OVERLAP)
        ]


def will_be_retried(run: Run, task: Task) -> bool:
    """Tell whether a task's newest run, if it failed, is followed by another try for the same due time."""
    return is_retried(run, task.retry.attempts)


def _not_before(run: Run, now: float) -> float:
    """Return until when a run waits for the clock alone, in seconds since the epoch."""
    # One that was made by a clock that was ahead would wait for that: but due times still come.
    on_calendar = run.origin in (Origin.SCHEDULE, Origin.CATCH_UP)
    return run.not_before if run.state is RunState.PENDING and (on_calendar or run.created <= now) else 0.0


def _hold(task: Task, held: set[str]) -> Reason | None:
    if not task.enabled:
        return Reason.DISABLED
    return Reason.ON_HOLD if task.name in held else None


def _removed(run: Run) -> Candidate:
    """A run whose task no policy has any more: it does not begin, but one that has begun is gone on with."""
    return Candidate(
        run=run.id,
        task=run.task,
        due=run.due,
        not_before=0.0,
        priority=Priority.NORMAL,
        overlap=Overlap.QUEUE,
        begun=run.state is not RunState.PENDING,
        hold=Reason.REMOVED_FROM_POLICY if run.state is RunState.PENDING else None,
    )
