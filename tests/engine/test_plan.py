from __future__ import annotations

import hashlib
import json

import pytest

from agent.engine.plan import Plan, PlannedStep, dumps, expectations, loads, planned, require
from agent.errors import Refused
from agent.model.actions import Outcome, Preview, Step
from agent.model.reasons import Reason


def step(name: str, mark: str) -> Step:
    return Step(
        name=name, do=Outcome, preview=lambda _: Preview(f"does {name}", {"n": 1}, mark), irreversible="gone is gone"
    )


def plan(*steps: Step) -> Plan:
    return Plan("task", "files.retain", 1.5, "policy", "0", "document", planned(steps, lambda _: None))


def test_planned_steps_show_what_each_would_do() -> None:
    assert planned([step("a", "m")], lambda _: None) == (
        PlannedStep("a", "does a", {"n": 1}, "m", False, "gone is gone"),
    )


def test_loads_of_dumps_is_the_plan() -> None:
    made = plan(step("a", "1"), step("b", "2"))
    assert loads(dumps(made), "file") == made


@pytest.mark.parametrize("place", range(0, 600, 7))
def test_loads_of_a_changed_plan_is_refused(place: int) -> None:
    text = dumps(plan(step("a", "1")))
    place %= len(text)
    changed = text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]
    try:
        same = json.loads(changed) == json.loads(text)
    except ValueError:
        same = False
    if same:
        assert loads(changed, "file") == loads(text, "file")
        return
    with pytest.raises(Refused) as refused:
        loads(changed, "file")
    assert refused.value.reason == Reason.WORLD_DRIFTED


@pytest.mark.parametrize(
    "body", [{}, [], None, {"steps": 3}, {"steps": [{}]}, {"now": "x"}, {"now": 1e300}, {"extra": 1}]
)
def test_loads_of_what_has_a_good_digest_and_is_no_plan_is_refused(body: object) -> None:
    outer = json.loads(dumps(plan(step("a", "1"))))
    outer["plan"] = {**outer["plan"], **body} if isinstance(body, dict) and body else body
    outer["digest"] = hashlib.sha256(json.dumps(outer["plan"], sort_keys=True).encode()).hexdigest()
    with pytest.raises(Refused, match="not a plan"):
        loads(json.dumps(outer), "file")


def test_loads_of_brackets_without_end_is_refused() -> None:
    with pytest.raises(Refused, match="not a plan"):
        loads("[" * 100_000, "file")


def test_require_of_the_same_steps_passes() -> None:
    steps = [step("a", "1"), step("b", "2")]
    require(expectations(plan(*steps)), steps)


@pytest.mark.parametrize(
    "now", [[step("a", "1")], [step("b", "2"), step("a", "1")], [step("a", "1"), step("b", "3")], []]
)
def test_require_of_other_steps_is_refused(now: list[Step]) -> None:
    with pytest.raises(Refused, match="make a new plan"):
        require(expectations(plan(step("a", "1"), step("b", "2"))), now)
