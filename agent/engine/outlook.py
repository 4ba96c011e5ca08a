"""What every open run waits for at this moment, worked out from the store, whether or not the daemon is up."""

from __future__ import annotations

from datetime import tzinfo

from agent.engine.agenda import Agenda
from agent.model.policies import PolicySet
from agent.model.runs import RunState
from agent.rules.dispatch import Decision, Running, decide
from agent.store import Store


def outlook(store: Store, policies: PolicySet, local: tzinfo, limit: int, now: float) -> dict[int, Decision]:
    """Given the policy set in force, the host's zone and its limit of runs, return by run what is decided on it.

    `now` is seconds since the epoch. Runs that are at work are not in the answer.
    """
    runs = store.runs.open()
    running = [Running(run.id, run.task, bool(run.stop)) for run in runs if run.state is RunState.RUNNING]
    waiting = [run for run in runs if run.state is not RunState.RUNNING]
    candidates = Agenda(store, policies, local).candidates(waiting, now)
    return {decision.run: decision for decision in decide(candidates, running, limit, now).decisions}
