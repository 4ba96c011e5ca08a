"""Run a task from the command line: the same supervisor and the same run process as under the daemon."""

from __future__ import annotations

import select
import signal
import sys
from collections.abc import Collection, Mapping
from datetime import tzinfo

from agent.cli.history_command import data, whole
from agent.cli.output import columns, emit_json
from agent.engine import document
from agent.engine.admission import admitted
from agent.engine.plan import Plan
from agent.engine.progress import clear
from agent.engine.submit import submit
from agent.engine.supervise import Supervisor
from agent.errors import BadArgument, ExitCode, Refused, RunFailed
from agent.host.clock import SystemClock, boot_id
from agent.host.launching import SYSTEMD, chosen, launcher_of
from agent.host.units import Units
from agent.model.policies import PolicySet, Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunOutcome, RunState
from agent.model.settings import Settings
from agent.rules.outcomes import REFUSALS, outcome
from agent.store import Store

WELL = frozenset({RunOutcome.SUCCEEDED, RunOutcome.SKIPPED})
"""How a run ends that was to do its work."""


class Foreground:
    """Supervises one run until it has ended; SIGINT and SIGTERM ask it to stop at its next checkpoint."""

    def __init__(self, store: Store, settings: Settings, config: str) -> None:
        self._store = store
        self._clock = SystemClock()
        launcher = launcher_of(settings, store.directory, config)
        self._shows = sys.stderr.isatty() and chosen(settings, config) == SYSTEMD
        self._supervisor = Supervisor(store, launcher, self._clock, grace=settings.grace, boot=boot_id())
        self._interrupted = False

    def run(self, task: Task, policies: PolicySet, plan: Plan | None = None) -> Run:
        """Given a task, run it, going on with an interrupted run of it if there is one; return the run as it ended."""
        self._listen()
        self._refuse_if_held(task)
        self.recover(task, policies.tasks)
        self._refuse_if_at_work(task)
        run = self._unfinished(task) if plan is None else None
        if run is None and not admitted(self._store, task, self._clock.now().timestamp()):
            self._refuse_if_held(task)
        with self._store.transaction():
            # Another process may have begun one meanwhile.
            self._refuse_if_at_work(task)
            run = run or self._new(task, policies, plan)
            attempt = self._supervisor.begin(run)
        if attempt is None:
            raise Refused(Reason.OVERLAP, f"run {run.id} of {task.name} was taken by another process this moment")
        self._supervisor.launch(run.id, attempt, task)
        return self._attend(run.id, attempt)

    def undo(self, number: int) -> Run:
        """Given an interrupted run, take it back instead of going on with it; return it as it ended.

        Raises NotFound, BadArgument when it is no interrupted one, Refused when a process is at work on it.
        """
        self._listen()
        task = document.load(self._store.documents.get(self._store.runs.get(number).document)).task
        self.recover(task, {task.name: task})
        run = self._store.runs.get(number)
        if run.state is RunState.RUNNING:
            raise Refused(Reason.OVERLAP, f"run {number} of {task.name} is at work; wait until it has ended")
        if run.state is not RunState.INTERRUPTED:
            raise BadArgument(f"run {number} of {task.name} is {run.state}: only an interrupted run can be taken back")
        # One that somebody had begun to take back is at it again by now.
        if number not in self._supervisor.children and not self._supervisor.undo(run):
            raise Refused(Reason.OVERLAP, f"run {number} of {task.name} was taken by another process this moment")
        return self._attend(number, self._store.runs.get(number).attempt)

    def recover(self, task: Task, tasks: Mapping[str, Task]) -> None:
        """Settle the runs of a task, of these tasks, that lost their process while nobody supervised them."""
        self._supervisor.sweep_ended()
        self._supervisor.recover(tasks, strays=True, only=task.name)

    def _listen(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def _attend(self, number: int, attempt: int) -> Run:
        """Show what a run prints until it has ended; return it."""
        # A plain child prints to this terminal by itself, a unit to the journal.
        listener = Units(self._store.directory).listener(number, attempt) if self._shows else None
        while number in self._supervisor.children:
            self._wait(number)
            if listener is not None:
                print(listener.heard(all_of_it=number not in self._supervisor.children), end="", file=sys.stderr)
        clear(sys.stderr)
        return self._store.runs.get(number)

    def _refuse_if_held(self, task: Task) -> None:
        if not task.enabled:
            raise Refused(Reason.DISABLED, f"{task.name} is not enabled: take `enabled: false` out of its policy first")
        hold = self._store.holds.held().get(task.name)
        if hold is not None:
            raise Refused(
                Reason.ON_HOLD,
                f"{task.name} is held: {hold.detail}; release it with `hostkeeper release-hold {task.name}`",
            )

    def _refuse_if_at_work(self, task: Task) -> None:
        for run in self._open(task):
            if run.state is RunState.RUNNING or run.id in self._supervisor.children:
                raise Refused(Reason.OVERLAP, f"run {run.id} of {task.name} is at work; wait until it has ended")

    def _unfinished(self, task: Task) -> Run | None:
        """Return an interrupted run to go on with."""
        return next((run for run in self._open(task) if run.state is RunState.INTERRUPTED), None)

    def _open(self, task: Task) -> list[Run]:
        return [run for run in self._store.runs.open() if run.task == task.name]

    def _new(self, task: Task, policies: PolicySet, plan: Plan | None) -> Run:
        now = self._clock.now().timestamp()
        origin = Origin.MANUAL if plan is None else Origin.APPLY
        run = submit(self._store, task, policy=policies.digest, origin=origin, due=now, now=now, plan=plan)
        assert run is not None, "only scheduled due times can have a run already"
        return run

    def _wait(self, number: int) -> None:
        watched = self._supervisor.children[number]
        deadline = self._supervisor.next_deadline()
        patience = None if deadline is None else max(0.0, deadline - self._clock.monotonic())
        ready, _, _ = select.select([watched.child.fileno()], [], [], 0.5 if patience is None else min(0.5, patience))
        if ready:
            self._supervisor.settle(number)
        elif self._interrupted:
            self._supervisor.request_stop(number, Reason.AGENT_STOPPING)
        self._supervisor.tick()

    def _interrupt(self, _number: int, _frame: object) -> None:
        self._interrupted = True


def report(store: Store, run: Run, zone: tzinfo, *, as_json: bool, well: Collection[RunOutcome] = WELL) -> int:
    """Print a run as it ended, with instants in a zone, and return the exit code that says so.

    `well` is how it was to end. Raises RunFailed, Refused where it did not.
    """
    steps = store.steps.of(run.id)
    if as_json:
        emit_json(data(run, steps))
    else:
        print(whole(run, steps, zone, columns()))
    how = outcome(run)
    if how in well:
        return ExitCode.OK
    if run.state is RunState.INTERRUPTED and run.why != Reason.KILLED:
        return ExitCode.INTERRUPTED
    sentence = f"run {run.id} of {run.task} ended {how} ({run.why})"
    error = Refused(run.why, sentence) if run.why in REFUSALS else RunFailed(sentence)
    if as_json:  # the run says it already, and a reader expects one document
        return int(error.code)
    raise error
