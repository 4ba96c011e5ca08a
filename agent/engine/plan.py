"""A plan: every step of a run and what it would do, made by looking and never touching.

What a plan shows is what the run then does: both use the same steps for the same instant, and each step's fingerprint
changes whenever what it would do changes. A plan that was written to a file is applied only while the task in force is
the one it was made for and every fingerprint is still the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import asdict

from agent.digests import sha256
from agent.errors import Refused
from agent.model.actions import Explain, Fact, Step
from agent.model.reasons import Reason

FORMAT = 1


class PlannedStep(Struct, frozen=True):
    """What one step would do, whether it can be taken back, and if not, why."""

    name: str
    summary: str
    facts: Mapping[str, Fact]
    fingerprint: str
    undo: bool
    irreversible: str


class Plan(Struct, frozen=True):
    """A run that has not happened. `now` is seconds since the epoch, `document` the `task_digest` of the
    task."""

    task: str
    action: str
    now: float
    policy: str
    code: str
    document: str
    steps: tuple[PlannedStep, ...]


def planned(steps: Sequence[Step], explain: Explain) -> tuple[PlannedStep, ...]:
    """Given a run's steps, look at what each would do; every judged object goes to `explain`."""
    made = []
    for step in steps:
        preview = step.preview(explain)
        made.append(
            PlannedStep(
                step.name, preview.summary, preview.facts, preview.fingerprint, step.undo is not None, step.irreversible
            )
        )
    return tuple(made)


def dumps(plan: Plan) -> str:
    """Given a plan, return the text of its file."""
    body = json.dumps(plan, default=asdict, sort_keys=True)
    return json.dumps({"hostkeeper_plan": FORMAT, "digest": _digest(body), "plan": json.loads(body)}, indent=2) + "\n"


def loads(text: str, name: str) -> Plan:
    """Given the text of a plan's file and the file's name, return the plan. Raises Refused on one that was changed."""
    try:
        outer = json.loads(text)
        body, written, version = outer["plan"], outer["digest"], outer["hostkeeper_plan"]
        if version != FORMAT or _digest(json.dumps(body, sort_keys=True)) != written:
            raise Refused(Reason.WORLD_DRIFTED, f"{name}: the plan was changed after it was made; make a new one")
        plan = Plan(**{**body, "steps": tuple(PlannedStep(**step) for step in body["steps"])})
        datetime.fromtimestamp(plan.now, UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        raise Refused(
            Reason.WORLD_DRIFTED, f"{name}: not a plan; make one with `hostkeeper plan TASK -o FILE`"
        ) from None
    return plan


def _digest(body: str) -> str:
    return sha256(body.encode()).hexdigest()


def expectations(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Return what a run that applies the plan must find: step names and fingerprints, in order."""
    return tuple((step.name, step.fingerprint) for step in plan.steps)


def require(expect: Sequence[tuple[str, str]], steps: Sequence[Step]) -> None:
    """Given what a plan saw and the steps of the run that applies it, raise Refused when they differ now."""
    fresh = planned(steps, lambda _judgement: None)
    if [name for name, _ in expect] != [step.name for step in fresh]:
        raise Refused(Reason.WORLD_DRIFTED, "the run would have other steps than the plan; make a new plan")
    changed = [step for step, (_, mark) in zip(fresh, expect, strict=True) if step.fingerprint != mark]
    if changed:
        seen = "; ".join(f"{step.name} would do: {step.summary}" for step in changed)
        raise Refused(Reason.WORLD_DRIFTED, f"the host has changed since the plan was made ({seen}); make a new plan")
