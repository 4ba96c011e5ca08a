"""A store with as many tasks and runs as a test asks for, filled as the agent would have filled it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from msgspec.structs import replace

from agent.engine.submit import pending_run
from agent.model.policies import Task
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState
from agent.policy.compile import Compiler
from agent.store import Store
from agent.store.records import CachedFragment

NOW = 1_764_000_000.0
"""The present of tests: 2025-11-24 16:00:00 UTC."""

_ENDS = (*[RunState.SUCCEEDED] * 12, RunState.FAILED, RunState.SKIPPED, RunState.MISSED, RunState.UNDONE)
_WHY = {RunState.FAILED: Reason.STEP_FAILED, RunState.SKIPPED: Reason.OVERLAP, RunState.MISSED: Reason.DUE_WHILE_DOWN}

TASK = """  {name}:
    description: Tidies part {number} of the host
    schedule: "{minute} {hour} * * *"
    window: nightly
    action: command.run
    with: {{command: [echo, "{number}"]}}
"""


def policy_text(tasks: int) -> str:
    """Return a policy with so many tasks, all in one window."""
    listed = "".join(
        TASK.format(name=f"task-{number:04}", number=number, minute=number % 60, hour=number % 24)
        for number in range(tasks)
    )
    return (
        f'version: 1\nwindows:\n  nightly: {{opens: "0 2 * * *", lasts: 2h, timezone: UTC}}\ntasks:\n{listed}'
        "thresholds:\n  root: {signal: disk.used_percent, labels: {mountpoint: /}, above: 90, clear_below: 80}\n"
    )


def put_policies(store: Store, texts: Mapping[str, str]) -> None:
    """Given policy files by name, put them in force as the agent does."""
    compiler = Compiler()
    put = []
    for name, text in texts.items():
        body = text.encode()
        checked = compiler.policy(body, name)
        put.append(
            CachedFragment(
                name, f"/etc/hostkeeper/policies.d/{name}", "", hashlib.sha256(body).hexdigest(), checked.fragment()
            )
        )
    store.fragments.update(put, [])


def put_runs(store: Store, tasks: Mapping[str, Task], count: int, now: float = NOW) -> None:
    """Write so many ended runs of some tasks, spread over the thirty days before `now`."""
    names = list(tasks)
    with store.transaction():
        for number in range(count):
            task = tasks[names[number % len(names)]]
            state = _ENDS[(number * 7 + number // 16) % len(_ENDS)]
            due = now - (count - number) * 30 * 86_400 / count
            run = pending_run(task, policy="p" * 64, origin=Origin.SCHEDULE, due=due, now=due)
            began = state in (RunState.SUCCEEDED, RunState.FAILED, RunState.UNDONE)
            store.runs.create(
                replace(
                    run,
                    state=state,
                    started=due + 1 if began else None,
                    ended=due + 3 + number % 90,
                    attempt=1 if began else 0,
                    why=_WHY.get(state, ""),
                    detail="" if state is RunState.SUCCEEDED else "what went wrong, in words",
                )
            )
