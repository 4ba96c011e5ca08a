"""The circuit breaker of a task: counts the runs that the store knows of, and holds the task once it is used up."""

from __future__ import annotations

import logging

from agent.engine.notifying import held
from agent.model.policies import Task
from agent.model.reasons import Reason
from agent.readable import times
from agent.rules.breaker import admit, counted_from
from agent.store import Store

LOG = logging.getLogger(__name__)


def admitted(store: Store, task: Task, now: float) -> bool:
    """Given a task of which a run is about to begin at `now` (seconds since the epoch), say whether `at_most` lets it.

    A task that has used up its `at_most` is held from here on, until an admin releases it.
    """
    if task.at_most is None:
        return True
    hold = store.holds.of(task.name)
    released = counted_from(hold.released if hold is not None else None, now)
    past = store.runs.begun_since(task.name, max(released, now - task.at_most.per))
    if admit(task.at_most, past, now).allowed:
        return True
    with store.transaction():
        store.holds.place(task.name, Reason.BREAKER_OPEN, f"it ran {times(task.at_most.times)}", now)
        store.outbox.put(held(task, now))
    LOG.error("task %s is held: it ran %s", task.name, times(task.at_most.times))
    return False
