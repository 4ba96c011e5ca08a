"""The rule of `agent.rules.outcomes` as conditions on rows of the table of runs, which has a test that both agree."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model.reasons import Reason
from agent.model.runs import BAD, Origin, RunOutcome, RunState
from agent.rules.outcomes import REFUSALS, STOPPED


def _listed(words: Iterable[str]) -> str:
    return "(" + ", ".join(f"'{word}'" for word in sorted(words)) + ")"


_REPLACED = f"(state IN {_listed(STOPPED)} AND why = '{Reason.REPLACED}')"
REFUSED = f"(state = '{RunState.SKIPPED}' AND origin = '{Origin.APPLY}' AND why IN {_listed(REFUSALS)})"
"""It is a plan that was refused."""

OUTCOME = (
    f"CASE WHEN {_REPLACED} THEN '{RunOutcome.REPLACED}' WHEN {REFUSED} THEN '{RunOutcome.REFUSED}' ELSE state END"
)
"""How a run is counted."""

TELLING = f"(state != '{RunState.SKIPPED}' AND NOT {_REPLACED})"
"""The run, once it has ended, says whether its task is well."""

BADLY = f"(state IN {_listed(BAD)} AND NOT {_REPLACED})"
"""A person should look at how the run ended."""
