"""Work that waits for a window which, by its own history, it will never fit in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo

from agent.engine.agenda import Agenda
from agent.model.policies import PolicySet
from agent.model.runs import Run, RunState
from agent.readable import duration
from agent.rules.windows import holds
from agent.store import Store


def unfitting(store: Store, policies: PolicySet, local: tzinfo, runs: Iterable[Run], now: float) -> Iterator[str]:
    """Given open runs, yield a sentence for each that no opening of its window is long enough for.

    `local` is the host's zone, `now` in seconds since the epoch.
    """
    agenda = Agenda(store, policies, local)
    for run in runs:
        task = policies.tasks.get(run.task)
        if task is None or run.state is not RunState.PENDING or not agenda.in_window(run):
            continue
        window, takes = agenda.window_of(task), agenda.expected(run.task)
        if window is not None and takes is not None and not holds(window, takes, datetime.fromtimestamp(now, UTC)):
            yield (
                f"{run.task}: run {run.id} takes {duration(takes)} by its history, longer than window {task.window} is "
                f"ever open: let that last longer, or start it by `hostkeeper run {run.task}`"
            )
