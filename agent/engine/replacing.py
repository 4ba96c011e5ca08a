"""Work that is replaced by its next run each time, before it is done: `overlap: replace`, and due too often."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from agent.model.policies import Overlap, PolicySet
from agent.model.runs import RunOutcome
from agent.readable import duration
from agent.rules.outcomes import outcome
from agent.store import Store

IN_A_ROW = 3
"""So many runs in a row that were replaced are no chance: the work takes longer than the time between two runs."""

LOOKED_AT = 20
"""Of so many of the latest runs of a task, those that were skipped say nothing, and neither does one at work."""


def always_replaced(store: Store, policies: PolicySet, now: float) -> Iterator[str]:
    """Given the present (seconds since the epoch), yield a sentence for each task whose runs are all replaced."""
    for task in policies.tasks.values():
        if task.overlap is not Overlap.REPLACE or not task.enabled:
            continue
        runs = [run for run in store.runs.recent(LOOKED_AT, task.name) if run.ended is not None]
        ends = [end for end in map(outcome, runs) if end not in (RunOutcome.SKIPPED, RunOutcome.REFUSED)]
        replaced = len(list(takewhile(lambda end: end is RunOutcome.REPLACED, ends)))
        if replaced >= IN_A_ROW:
            last = store.runs.last_success().get(task.name)
            since = "yet" if last is None else f"for {duration(now - last)}"
            yield (
                f"{task.name}: no success {since}: each of its last {replaced} runs was replaced by the next before it "
                "was done: let it fall due less often, or set `overlap: queue`"
            )
