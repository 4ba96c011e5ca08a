"""Which runs start when: pending ones through the rules of dispatch, running ones held to their windows.

Keeps the open runs in memory; whatever it changes is in the store first.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from agent.engine import document
from agent.engine.admission import admitted
from agent.engine.agenda import IN_WINDOW, Agenda, will_be_retried
from agent.engine.submit import submit
from agent.engine.supervise import Supervisor, Watched
from agent.errors import RunFailed
from agent.host.journald import about
from agent.model.actions import OnInterrupt
from agent.model.policies import PolicySet, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState
from agent.ports import Clock
from agent.rules.dispatch import Decision, Running, Skip, Start, Wait, decide
from agent.rules.windows import Open
from agent.rules.windows import state as window_state
from agent.store import Store

LOG = logging.getLogger(__name__)
RESUMABLE = frozenset({"", OnInterrupt.RESUME.value})


PASS_SECONDS = 0.5
"""After so long a time of starting runs the daemon looks at everything else it has to do, before it starts more."""


class Dispatcher:
    """Starts what may start. `limit` is how many runs the host bears at a time.

    `started` hears of each process, `ended` of each run that has come to its end (or was skipped).
    """

    def __init__(
        self,
        store: Store,
        supervisor: Supervisor,
        clock: Clock,
        limit: int,
        *,
        started: Callable[[Watched], None],
        ended: Callable[[Run], None],
    ) -> None:
        self._store = store
        self._supervisor = supervisor
        self._clock = clock
        self._limit = limit
        self._started = started
        self._ended = ended
        self._policies = PolicySet("", 0, {}, {}, {})
        self._agenda: Agenda | None = None
        self._open: dict[int, Run] = {}
        self._until: dict[int, float] = {}
        self._asked = 0.0
        self.waits: dict[int, Wait] = {}
        self.delay = 0.0
        """Seconds between the instant from which nothing held the run started last back, and its start."""

    def put_in_force(self, policies: PolicySet, agenda: Agenda) -> None:
        """Decide by this policy set from now on."""
        self._policies, self._agenda = policies, agenda

    def load(self) -> None:
        """Take the open runs from the store: those that wait, and those that are to be gone on with."""
        self.add(self._store.runs.open())

    def add(self, runs: Iterable[Run]) -> None:
        """Take runs in that were made or interrupted; one that was missed has ended as it was made."""
        for run in runs:
            if run.ended is not None:
                self._ended(run)
            resumable = run.state is RunState.INTERRUPTED and run.on_interrupt in RESUMABLE
            if run.state is RunState.PENDING or (resumable and run.id not in self._supervisor.children):
                self._open[run.id] = run

    @property
    def pending(self) -> int:
        """How many runs wait."""
        return len(self._open)

    def dispatch(self) -> float | None:
        """Start, skip and stop what is to be; return when, in seconds since the epoch, to look again."""
        if self._agenda is None:
            return None
        now = self._asked = self._now()
        self._end_windows(now)
        running = [Running(w.run, w.task, w.kill_at is not None) for w in self._supervisor.children.values()]
        candidates = self._agenda.candidates(self._open.values(), now)
        result = decide(candidates, running, self._limit, now)
        waited, self.waits = self.waits, {}
        begun = self._clock.monotonic()
        again = None
        for decision in result.decisions:
            if isinstance(decision, Start) and self._clock.monotonic() - begun > PASS_SECONDS:
                again = now
            else:
                self._act(decision, waited)
        for number in result.stops:
            self._supervisor.request_stop(number, Reason.REPLACED)
        instants = [result.wake, again, *self._until.values()]
        return min((instant for instant in instants if instant is not None), default=None)

    def _act(self, decision: Decision, waited: Mapping[int, Wait]) -> None:
        match decision:
            case Wait():
                self.waits[decision.run] = decision
            case Skip():
                self._skip(decision.run, decision.reason, decision.detail)
            case Start():
                run = self._open[decision.run]
                try:
                    self._start(run, self._asked if run.id in waited else run.not_before)
                except RunFailed:
                    self._open[run.id] = self._store.runs.get(run.id)
                    raise
                # Only then: what the store did not take is decided again.
                self._open.pop(run.id, None)

    def _skip(self, number: int, reason: Reason, detail: str) -> None:
        self._store.runs.advance(
            number, RunState.PENDING, RunState.SKIPPED, why=reason, detail=detail, ended=self._now()
        )
        del self._open[number]
        self._ended(self._store.runs.get(number))

    def _start(self, run: Run, since: float) -> None:
        task = document.load(self._store.documents.get(run.document)).task
        if run.state is RunState.PENDING and not admitted(self._store, task, self._now()):
            self._skip(run.id, Reason.BREAKER_OPEN, "")
            return
        watched = self._supervisor.start(run, task)
        if watched is None:
            return
        until = self._window_end(run, task)
        if until is not None:
            self._until[run.id] = until
        self.delay = max(0.0, self._now() - since)
        self._started(watched)

    def _window_end(self, run: Run, task: Task) -> float | None:
        in_force = self._policies.tasks.get(task.name)
        if self._agenda is None or in_force is None or not self._agenda.in_window(run):
            return None
        window = self._agenda.window_of(in_force)
        if window is None:
            return None
        state = window_state(window, datetime.fromtimestamp(self._now(), UTC))
        return state.until.timestamp() if isinstance(state, Open) else self._now()

    def _end_windows(self, now: float) -> None:
        for number, until in list(self._until.items()):
            if number not in self._supervisor.children:
                del self._until[number]
            elif now >= until:
                self._end_window(number, now)

    def _end_window(self, number: int, now: float) -> None:
        """The end that was foreseen has come; an edited or overlapping window may have moved it."""
        run = self._store.runs.get(number)
        task = self._policies.tasks.get(run.task)
        window = self._agenda.window_of(task) if self._agenda is not None and task is not None else None
        state = window_state(window, datetime.fromtimestamp(now, UTC)) if window is not None else None
        if isinstance(state, Open):
            self._until[number] = state.until.timestamp()
            return
        if state is not None:
            self._supervisor.request_stop(number, Reason.WINDOW_ENDED)
        # Only then: what the store did not take is told again.
        del self._until[number]

    def adopt(self) -> None:
        """After a restart or a reload: hold the running runs to the windows they have."""
        for number, watched in self._supervisor.children.items():
            task = self._policies.tasks.get(watched.task)
            until = self._window_end(self._store.runs.get(number), task) if task is not None else None
            if until is not None:
                self._until[number] = until

    def settle(self, number: int) -> Run:
        """A run's process has ended: see what became of the run, and make the retry it is owed."""
        run = self._supervisor.settle(number)
        self._until.pop(number, None)
        self.settled(run)
        return run

    def settled(self, run: Run) -> None:
        """A run has ended or was interrupted."""
        if self._agenda is not None:
            self._agenda.forget_history(run.task)
        if run.ended is None:
            extra = about(task=run.task, run=run.id, outcome=run.state, reason=run.why)
            LOG.info("task %s: run %d %s (%s)", run.task, run.id, run.state, run.why, extra=extra)
            self.add([run])
            return
        self._ended(run)
        self._retry(run)

    def owed_retries(self) -> None:
        """Make the retries that a daemon which died in between has left undone."""
        for run in self._store.runs.latest_unskipped().values():
            if run.ended is not None:
                self._retry(run)

    def _retry(self, run: Run) -> None:
        task = self._policies.tasks.get(run.task)
        if task is None or not task.enabled or not will_be_retried(run, task):
            return
        if self._store.runs.has_follower(run):
            return
        now = self._now()
        again = submit(
            self._store,
            task,
            policy=self._policies.digest,
            origin=Origin.RETRY if run.origin in IN_WINDOW else run.origin,
            cause=run.cause,
            due=run.due,
            now=now,
            not_before=now + task.retry.delay,
            tries=run.tries + 1,
        )
        if again is not None:
            self.add([again])

    def _now(self) -> float:
        return self._clock.now().timestamp()
