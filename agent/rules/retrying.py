"""Whether a run that ended badly is followed by another try. Pure."""

from __future__ import annotations

from agent.model.reasons import Reason
from agent.model.runs import Origin, Run, RunState

BY_HAND = frozenset({Origin.MANUAL, Origin.APPLY})
"""Origins whose runs an admin sees fail and asks for again; a plan is applied once, to the host it was made on."""

RETRIED = frozenset({Reason.STEP_FAILED, Reason.MAX_DURATION, Reason.KILLED})
"""A refusal is not retried: the same look at the same host would refuse again."""


def is_retried(run: Run, attempts: int) -> bool:
    """Given a run and how many tries its task has for one due time, tell whether another one follows it."""
    ended_badly = run.state in (RunState.FAILED, RunState.UNDONE) and run.why in RETRIED
    return ended_badly and run.origin not in BY_HAND and run.tries < attempts
