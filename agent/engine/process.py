"""The process of one run: claims it, executes or takes back its steps, and leaves the result in the store."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from agent.engine import document
from agent.engine.execute import Execution
from agent.engine.plan import require
from agent.engine.progress import Progress
from agent.errors import AgentError, Refused
from agent.host.clock import SystemClock, boot_id
from agent.host.launcher import enter_run
from agent.host.logs import log_to_journal
from agent.host.objects import FileObjectLog
from agent.host.output import visible
from agent.host.proc import started_ticks
from agent.host.processes import SystemProcesses
from agent.host.run_process import UNIT
from agent.model.actions import Judgement, OnInterrupt
from agent.model.policies import Task
from agent.model.reasons import Reason
from agent.model.runs import Run, RunState
from agent.ports import Clock, Context, Discoveries, Ledger, Memory, ObjectLog, SampleHistory, StopRequested
from agent.registry import box_of, load
from agent.rules.confinement import own_places
from agent.rules.outcomes import is_refused_plan
from agent.store import Store

TASKS = "tasks"
"""The directory in the state directory that has one for each task that keeps something."""

EXIT_BY_STATE = {RunState.SUCCEEDED: 0, RunState.SKIPPED: 0, RunState.INTERRUPTED: 130}


class StopFlag(Struct):
    """Set by SIGTERM and SIGINT: the run stops at its next checkpoint."""

    raised: bool = False

    def listen(self) -> None:
        """Take the two signals for this flag."""
        signal.signal(signal.SIGTERM, self._raise)
        signal.signal(signal.SIGINT, self._raise)

    def _raise(self, _number: int, _frame: object) -> None:
        self.raised = True

    def checkpoint(self) -> None:
        """Raise StopRequested when the run was asked to stop."""
        if self.raised:
            raise StopRequested


def context(
    task: Task,
    run: int,
    now: datetime,
    stop: StopFlag,
    memory: Memory,
    objects: ObjectLog,
    ledger: Ledger,
    discoveries: Discoveries,
    samples: SampleHistory,
    state: str,
) -> Context:
    """Given a task, its run, the instant that started and the state directory, return what its action may use."""
    clock = SystemClock()
    return Context(
        task=task.name,
        run=run,
        now=now,
        limits=task.limits,
        clock=clock,
        processes=SystemProcesses(),
        memory=memory,
        objects=objects,
        ledger=ledger,
        discoveries=discoveries,
        samples=samples,
        host=os.uname().nodename,
        place=_place(state, task.name),
        explain=_unheard,
        checkpoint=stop.checkpoint,
        stopping=lambda: stop.raised,
        progress=Progress(sys.stderr, task.name, clock).report,
    )


def _place(state: str, task: str) -> str:
    """Return the directory of a task's own; names of tasks are names of files as well."""
    return os.path.join(os.path.realpath(state), TASKS, task)


def _processes(task: Task, state: str) -> SystemProcesses:
    """Return what runs commands: in a unit they write to its journal, and of the state directory to the task's own."""
    if UNIT not in os.environ:
        return SystemProcesses()
    places = own_places(box_of(task.action, json.loads(task.options)), os.path.realpath(state))
    return SystemProcesses(
        copy=sys.stderr.fileno(), writable=None if places is None else (*places, _place(state, task.name))
    )


def _unheard(judgement: Judgement) -> None:
    """Judgements are heard where somebody asked for them; a run only counts them."""


def main(directory: str, number: int, attempt: int, *, undo: bool) -> int:
    """Given a state directory and a run's id and attempt, do that run, or take it back; return an exit code."""
    enter_run()
    log_to_journal()
    gc.enable()
    try:
        return _do(directory, number, attempt, undo=undo)
    except AgentError as error:
        # As of a store on a full disk. Whoever started this finds the run lost, and goes on with it or takes it back.
        print(f"run {number}: {error}", file=sys.stderr)
        return int(error.code)
    except StopRequested:
        # Told to stop before its first step: the same.
        return EXIT_BY_STATE[RunState.INTERRUPTED]


def _do(directory: str, number: int, attempt: int, *, undo: bool) -> int:
    stop = StopFlag()
    stop.listen()
    clock = SystemClock()
    with Store(directory, ballast_bytes=0) as store:
        run = store.runs.get(number)
        doc = document.load(store.documents.get(run.document))
        task = doc.task
        action = load(task.action)
        options = action.options(**json.loads(task.options))
        claimed = store.runs.claim(
            number,
            attempt,
            pid=os.getpid(),
            pid_started=started_ticks(os.getpid()),
            boot=boot_id(),
            on_interrupt=OnInterrupt.UNDO if undo else action.on_interrupt(options),
        )
        if claimed is None:
            return 0
        now = datetime.fromtimestamp(doc.now or claimed.started or claimed.created, UTC)
        try:
            objects = FileObjectLog(store.directory, number)
            memory, found, samples = store.memory(task.name), store.findings, store.samples
            within = context(task, number, now, stop, memory, objects, store.ledger, found, samples, store.directory)
            steps = tuple(action.plan(options, replace(within, processes=_processes(task, store.directory))))
            if doc.expect is not None and not undo and not store.steps.of(number):
                require(doc.expect, steps)
        except (AgentError, OSError) as error:
            reason = Reason(error.reason) if isinstance(error, Refused) else Reason.STEP_FAILED
            return _unplanned(store, claimed, reason, visible(str(error)), clock)
        execution = Execution(store, clock, claimed, steps, action.on_interrupt(options))
        state = execution.take_back() if undo else execution.perform()
    return EXIT_BY_STATE.get(state, 4)


def _unplanned(store: Store, run: Run, reason: Reason, detail: str, clock: Clock) -> int:
    """A run whose plan cannot be made has touched nothing if it is new, and is stuck if it had begun."""
    ended = clock.now().timestamp()
    if run.state is RunState.RUNNING:
        refused = is_refused_plan(run.origin, reason, store.steps.of(run.id))
        to = RunState.SKIPPED if refused else RunState.FAILED
        store.runs.advance(run.id, RunState.RUNNING, to, why=reason, detail=detail, ended=ended)
    else:
        store.runs.advance(run.id, run.state, RunState.STUCK, why=reason, detail=detail, ended=ended)
    return 4
