"""Supervise run processes: start them, hold them to their time, and settle what a lost one leaves.

The daemon and `hostkeeper run` use the same supervisor. It never waits: whoever owns it calls `tick` when
`next_deadline` has come, and `settle` when a child's descriptor says that the process has ended.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from agent.engine import document
from agent.engine.execute import TAKEN_BACK_WHEN_STOPPED_FOR
from agent.errors import NotFound, RunFailed
from agent.model.actions import OnInterrupt
from agent.model.box import Box
from agent.model.policies import Task
from agent.model.reasons import Reason
from agent.model.runs import Run, RunState
from agent.ports import Bounds, Child, Clock, Launcher
from agent.readable import times
from agent.registry import box_of
from agent.store import Store

MAX_FRUITLESS = 5
"""A run whose process was lost, or cut off by its window, this often is given up: every loop has an end."""

TICKS = os.sysconf("SC_CLK_TCK")
"""How many of the kernel's ticks, in which it counts the start of a process, are a second."""

CLAIM_SECONDS = 30.0
"""A started process that has not claimed its run after this time never will."""


class Watched(Struct):
    """A run process under supervision; instants are monotonic seconds.

    `suspended` is for how long the host had been suspended when it began to be watched.
    """

    run: int
    task: str
    child: Child
    started: float
    deadline: float | None
    suspended: float
    kill_at: float | None = None


def run_argv(directory: str, run: int, attempt: int, *, undo: bool) -> tuple[str, ...]:
    """Return the argument list of a run's process. `-I` keeps the environment and the working directory out of it."""
    place = os.path.abspath(directory)
    base = (sys.executable, "-I", "-m", "agent", "run-process", place, str(run), str(attempt))
    return (*base, "undo") if undo else base


def _box(task: Task) -> Box:
    try:
        return box_of(task.action, json.loads(task.options))
    except NotFound:
        # An action that this version has no more: the process will say so, and has nothing to do.
        return Box()


class Supervisor:
    """Starts, limits, stops and settles runs. `grace` is how many seconds a process asked to stop may take."""

    def __init__(
        self,
        store: Store,
        launcher: Launcher,
        clock: Clock,
        *,
        grace: float,
        boot: str,
        argv: Callable[..., Sequence[str]] = run_argv,
    ) -> None:
        self._store = store
        self._launcher = launcher
        self._clock = clock
        self._grace = grace
        self._boot = boot
        self._argv = argv
        self.children: dict[int, Watched] = {}

    def start(self, run: Run, task: Task) -> Watched | None:
        """Start a pending run, or go on with an interrupted one; None when somebody else did it first."""
        attempt = self.begin(run)
        return None if attempt is None else self.launch(run.id, attempt, task)

    def begin(self, run: Run) -> int | None:
        """Write that a run is at work; return its attempt, or None when somebody else did it first."""
        attempt = run.attempt + 1
        if not self._store.runs.advance(
            run.id,
            run.state,
            RunState.RUNNING,
            held_by=run,
            started=run.started or self._clock.now().timestamp(),
            attempt=attempt,
            pid=None,
            pid_started=None,
            stop="",
        ):
            return None
        return attempt

    def launch(self, run: int, attempt: int, task: Task) -> Watched:
        """Start the process of a run that `begin` has written down. Raises RunFailed, and gives the run back first."""
        try:
            return self._launch(run, task, attempt, task.max_duration, undo=False)
        except RunFailed:
            # The host had no process to spare: that says nothing about the run, which is gone on with when it has.
            again = attempt + 1
            self._store.runs.advance(run, RunState.RUNNING, RunState.INTERRUPTED, why=Reason.KILLED, attempt=again)
            raise

    def _launch(self, run: int, task: Task, attempt: int, seconds: float | None, *, undo: bool) -> Watched:
        argv = self._argv(self._store.directory, run, attempt, undo=undo)
        bounds = Bounds(task=task.name, box=_box(task), seconds=seconds)
        child = self._launcher.start(run, attempt, argv, bounds)
        return self._watch(run, task.name, child, self._clock.monotonic(), seconds)

    def _watch(self, run: int, task: str, child: Child, started: float, max_duration: float | None) -> Watched:
        deadline = None if max_duration is None else started + max_duration
        watched = Watched(run, task, child, started, deadline, self._clock.suspended())
        self.children[run] = watched
        return watched

    def _adopt(self, run: Run, child: Child, task: Task | None) -> None:
        """Watch a process that another supervisor started: its time goes on from where it was, and so does its end.

        For how long the host was suspended before that is not known, so it counts.
        """
        at_work = run.state is RunState.RUNNING
        started = min(child.pid_started / TICKS, self._clock.monotonic())
        watched = self._watch(run.id, run.task, child, started, task.max_duration if task and at_work else None)
        if at_work and run.stop:
            self._ask(watched)

    def undo(self, run: Run) -> bool:
        """Begin to take an interrupted run back, as nobody is to go on with it; False when somebody else has it."""
        # It is written down first: who finds it without a process goes on with taking it back.
        if not self._store.runs.amend(run.id, held_by=run, on_interrupt=OnInterrupt.UNDO, fruitless=0):
            return False
        return self._decide(self._store.runs.get(run.id))

    def request_stop(self, number: int, reason: Reason) -> None:
        """Ask a run's process to stop at its next checkpoint; it is ended after the grace. The first reason stays."""
        watched = self.children[number]
        if watched.kill_at is None:
            self._store.runs.amend(number, stop=reason)
            self._ask(watched)

    def _ask(self, watched: Watched) -> None:
        watched.kill_at = self._clock.monotonic() + self._grace
        watched.child.terminate()

    def next_deadline(self) -> float | None:
        """Return the monotonic instant at which `tick` has something to do."""
        instants = [
            instant
            for watched in self.children.values()
            for instant in (watched.kill_at if watched.kill_at is not None else self._deadline(watched),)
            if instant is not None
        ]
        return min(instants, default=None)

    def _deadline(self, watched: Watched) -> float | None:
        """Return the instant that ends a process's `max_duration`, later by as long as the host was suspended since."""
        if watched.deadline is None:
            return None
        return watched.deadline + self._clock.suspended() - watched.suspended

    def tick(self) -> None:
        """End what has outlived its grace, and ask what has outlived its duration to stop."""
        now = self._clock.monotonic()
        for watched in list(self.children.values()):
            if watched.kill_at is not None and now >= watched.kill_at:
                watched.child.kill()
                watched.kill_at = now + self._grace
            elif watched.kill_at is None and (end := self._deadline(watched)) is not None and now >= end:
                self.request_stop(watched.run, Reason.MAX_DURATION)

    def settle(self, number: int) -> Run:
        """After a process has ended: leave nothing of it behind, and decide what becomes of its run."""
        watched = self.children.pop(number)
        watched.child.kill()
        watched.child.close()
        self._launcher.sweep(number)
        run = self._store.runs.get(number)
        if run.state is RunState.RUNNING:
            self._lose(run)
        self._decide(self._store.runs.get(number))
        return self._store.runs.get(number)

    def _lose(self, run: Run) -> bool:
        """Write that a running run has lost its process; return False when one has claimed it this moment."""
        reason = Reason(run.stop or Reason.KILLED)
        to = RunState.FAILED if reason in TAKEN_BACK_WHEN_STOPPED_FOR else RunState.INTERRUPTED
        fruitless = run.fruitless + (reason in (Reason.KILLED, Reason.WINDOW_ENDED))
        # The attempt moves on, so that a process still on its way to its claim finds that it came too late.
        return self._store.runs.advance(
            run.id, RunState.RUNNING, to, why=reason, held_by=run, fruitless=fruitless, attempt=run.attempt + 1
        )

    def _decide(self, run: Run) -> bool:
        """Decide what becomes of a run that no process holds; return False when one has claimed it this moment."""
        now = self._clock.now().timestamp()
        runs = self._store.runs
        if run.ended is not None or run.state not in (RunState.FAILED, RunState.INTERRUPTED):
            return True
        asks = run.state is RunState.INTERRUPTED and run.on_interrupt == OnInterrupt.ASK
        if run.fruitless >= MAX_FRUITLESS or asks:
            return self._give_up(run, now)
        if run.state is RunState.FAILED and not run.on_interrupt:
            return runs.amend(run.id, held_by=run, ended=now)
        if run.state is RunState.INTERRUPTED and run.on_interrupt != OnInterrupt.UNDO:
            return True
        # Taking back counts as well: an undo that keeps dying must come to an end.
        again = {"attempt": run.attempt + 1, "fruitless": run.fruitless + 1}
        if not runs.amend(run.id, held_by=run, pid=None, pid_started=None, **again):
            return False
        task = document.load(self._store.documents.get(run.document)).task
        try:
            self._launch(run.id, task, run.attempt + 1, None, undo=True)
        except RunFailed:
            # It was not the undo that failed.
            runs.amend(run.id, fruitless=run.fruitless)
            raise
        return True

    def _give_up(self, run: Run, now: float) -> bool:
        """End a run that must not begin again: failed when only its window was too short, else stuck."""
        too_long = run.state is RunState.INTERRUPTED and run.stop == Reason.WINDOW_ENDED
        too_long = too_long and run.on_interrupt == OnInterrupt.RESUME
        often = f"{times(run.fruitless)} " if run.fruitless else ""
        what = "its window ended, or its process was lost," if too_long else "its process was lost"
        given_up = f"{what} {often}before a step was completed" if often else ""
        detail = "; ".join(filter(None, (run.detail, given_up)))
        to = RunState.FAILED if too_long else RunState.STUCK
        return self._store.runs.advance(run.id, run.state, to, why=Reason.KILLED, held_by=run, detail=detail, ended=now)

    def sweep_ended(self) -> None:
        """End what runs that came to their end while nobody supervised them have left behind."""
        # Looked for first: a run is written down before its process starts, so whatever is found has its row.
        left = self._launcher.leftovers() - self.children.keys()
        for number in left - {run.id for run in self._store.runs.begun()}:
            self._launcher.sweep(number)

    def recover(self, tasks: Mapping[str, Task], *, strays: bool = False, only: str | None = None) -> list[Run]:
        """Take over the runs that no process of ours watches: adopt those that live, settle those that do not.

        With `strays`, only runs that some other supervisor should long have claimed or ended are looked at, and with
        `only`, those of one task. Returns the settled runs.
        """
        settled = []
        for run in self._store.runs.begun():
            if run.id in self.children or only not in (None, run.task):
                continue
            if run.state is RunState.INTERRUPTED:
                let_be = run.on_interrupt not in (OnInterrupt.UNDO, OnInterrupt.ASK)
            else:
                let_be = strays and self._may_still_claim(run)
            taken = self._take(run, tasks.get(run.task), adopt_only=let_be)
            settled += [taken] if taken is not None else []
        return settled

    def _take(self, run: Run, task: Task | None, *, adopt_only: bool) -> Run | None:
        """Watch the process that holds a run, and return None; or settle a run that none holds, and return it."""
        while (child := self._holder(run)) is None:
            if adopt_only:
                return None
            # A running run's processes may be ended only once none of them can claim it any more.
            lost = run.state is not RunState.RUNNING or self._lose(run)
            run = self._store.runs.get(run.id) if run.state is RunState.RUNNING else run
            if lost:
                self._launcher.sweep(run.id)
                if self._decide(run):
                    return self._store.runs.get(run.id)
                run = self._store.runs.get(run.id)
        self._adopt(run, child, task)
        return None

    def _holder(self, run: Run) -> Child | None:
        if run.pid is None or run.pid_started is None or run.boot != self._boot:
            return None
        return self._launcher.adopt(run.id, run.pid, run.pid_started)

    def _may_still_claim(self, run: Run) -> bool:
        started = run.started or run.created
        return run.pid is None and self._clock.now().timestamp() - started < CLAIM_SECONDS
