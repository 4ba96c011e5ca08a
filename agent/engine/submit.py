"""Make a run of a task: a pending row that names everything it will execute."""

from __future__ import annotations

from msgspec.structs import replace

from agent import __version__
from agent.engine import document
from agent.engine.document import Document
from agent.engine.plan import Plan, expectations
from agent.model.policies import Task
from agent.model.runs import Origin, Run, RunState
from agent.store import Store


def submit(
    store: Store,
    task: Task,
    *,
    policy: str,
    origin: Origin,
    due: float,
    now: float,
    cause: str = "",
    not_before: float | None = None,
    tries: int = 1,
    plan: Plan | None = None,
) -> Run | None:
    """Given a task and what made it due, write a pending run and return it.

    Instants are seconds since the epoch. With `plan`, the run does what the plan shows or refuses. Returns
    None when a scheduled due time already has its run.
    """
    run = pending_run(task, policy=policy, origin=origin, due=due, now=now)
    body = Document(task) if plan is None else Document(task, plan.now, expectations(plan))
    digest = store.documents.put(document.dump(body))
    not_before = due if not_before is None else not_before
    run = replace(run, cause=cause, not_before=not_before, tries=tries, document=digest)
    number = store.runs.create(run)
    return None if number is None else replace(run, id=number)


def pending_run(task: Task, *, policy: str, origin: Origin, due: float, now: float) -> Run:
    """Return a pending run of a task that is not in the store yet."""
    return Run(
        id=0,
        task=task.name,
        action=task.action,
        state=RunState.PENDING,
        origin=origin,
        cause="",
        due=due,
        not_before=due,
        created=now,
        started=None,
        ended=None,
        attempt=0,
        tries=1,
        why="",
        detail="",
        stop="",
        document="",
        policy=policy,
        code=__version__,
        pid=None,
        pid_started=None,
        boot="",
        on_interrupt="",
        fruitless=0,
    )
