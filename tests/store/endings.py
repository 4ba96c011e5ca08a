"""Runs that have come to their end, as the agent would have written them."""

from __future__ import annotations

from agent.engine.submit import submit
from agent.model.runs import Origin, RunState, StepState
from agent.store import Store
from tests.fakes import task

DUE = 1_772_366_400.0


def ended(store: Store, due: float, to: RunState = RunState.SUCCEEDED, name: str = "task") -> int:
    """Make a run with two steps and end it."""
    run = submit(store, task(name), policy="p", origin=Origin.MANUAL, due=due, now=due)
    assert run is not None
    store.runs.advance(run.id, RunState.PENDING, RunState.RUNNING, started=due, attempt=1)
    for seq in range(2):
        store.steps.write(run.id, seq, f"step {seq}", StepState.DOING, started=due)
        store.steps.write(run.id, seq, f"step {seq}", StepState.DONE, started=due, ended=due + 1, output="größe")
    store.runs.advance(run.id, RunState.RUNNING, to, ended=due + 2)
    return run.id
