"""States of conditions to JSON and back."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.signals import ConditionState, Verdict
from agent.rules.condition_json import dump_state, load_state

finite = st.floats(allow_nan=False, allow_infinity=False)
states = st.builds(
    ConditionState,
    verdict=st.sampled_from(list(Verdict)),
    since=st.none() | finite,
    violations=st.integers(0, 10**9),
    fired_at=st.none() | finite,
    value=st.none() | finite,
    evaluated_at=st.none() | finite,
    measured_at=st.none() | finite,
    good_since=st.none() | finite,
    missing_since=st.none() | finite,
    recent=st.lists(st.none() | finite, max_size=4).map(tuple),
    points=st.lists(st.tuples(finite, finite), max_size=4).map(tuple),
    muted=st.sampled_from(["", "parent_firing"]),
    muted_by=st.text(max_size=3),
)


@given(states)
def test_state_is_read_back_as_it_was(state: ConditionState) -> None:
    assert load_state(dump_state(state)) == state


def test_state_of_an_older_agent_takes_defaults_for_what_it_lacks() -> None:
    assert load_state('{"verdict": "pass", "value": 3}') == ConditionState(verdict=Verdict.PASS, value=3.0)


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "fine"},
        {"verdict": 1},
        {"since": "1"},
        {"since": True},
        {"since": [1]},
        {"value": 10**400},
        {"violations": -1},
        {"violations": 1.5},
        {"violations": True},
        {"violations": None},
        {"colour": "red"},
        {"recent": 1},
        {"recent": ["now"]},
        {"points": [1]},
        {"points": [[1]]},
        {"points": [[1, None]]},
        {"muted": 1},
    ],
)
def test_wrong_field_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_state(json.dumps(json.loads(dump_state(ConditionState())) | change))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "1", "{", '{"value": NaN}', '{"value": Infinity}', '{"value": 1e999}']
)
def test_what_is_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_state(text)
