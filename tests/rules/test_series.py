"""Which series a condition watches, and what becomes of series that come and go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from agent.model.conditions import Condition, NoData
from agent.model.signals import ConditionState, Labels, Sample, Verdict, labels
from agent.rules.conditions import Evaluation, Event
from agent.rules.series import FORGOTTEN_AFTER, by_signal, evaluate_series, parse_state_key, state_key, steady_series
from tests.rules.test_conditions import BAD, CONDITION, GOOD

ROOT, HOME = labels({"mountpoint": "/"}), labels({"mountpoint": "/home"})
NAMED = replace(CONDITION, labels={"mountpoint": "/"})


def disk(series: Labels, value: float) -> Sample:
    return Sample("disk.used_percent", series, value)


def states(evaluations: dict[Labels, Evaluation]) -> dict[Labels, ConditionState]:
    return {key: evaluation.state for key, evaluation in evaluations.items() if not evaluation.forgotten}


def test_condition_without_labels_watches_every_series_by_itself() -> None:
    found = evaluate_series(CONDITION, {}, [disk(ROOT, BAD), disk(HOME, GOOD)], False, 0.0)
    assert {key: evaluation.event for key, evaluation in found.items()} == {ROOT: Event.FIRED, HOME: Event.NONE}


def test_condition_with_labels_watches_only_the_series_that_carry_them() -> None:
    found = evaluate_series(NAMED, {}, [disk(ROOT, GOOD), disk(HOME, BAD)], False, 0.0)
    assert list(found) == [ROOT]


@pytest.mark.parametrize(("failed", "verdict"), [(False, Verdict.INCONCLUSIVE), (True, Verdict.ERROR)])
def test_condition_that_matches_nothing_has_one_series_without_data(failed: bool, verdict: Verdict) -> None:
    found = evaluate_series(NAMED, {}, [disk(HOME, BAD)], failed, 0.0)
    assert {key: evaluation.state.verdict for key, evaluation in found.items()} == {ROOT: verdict}


def test_vanished_series_has_no_data_and_goes_on_firing() -> None:
    before = states(evaluate_series(CONDITION, {}, [disk(ROOT, GOOD), disk(HOME, BAD)], False, 0.0))
    found = evaluate_series(CONDITION, before, [disk(ROOT, GOOD)], False, 10.0)
    assert found[HOME].state.verdict is Verdict.INCONCLUSIVE
    assert found[HOME].state.fired_at == 0.0
    assert not found[HOME].forgotten


def test_measured_series_is_judged_though_another_of_its_group_failed() -> None:
    before = states(evaluate_series(CONDITION, {}, [disk(ROOT, GOOD), disk(HOME, GOOD)], False, 0.0))
    found = evaluate_series(CONDITION, before, [disk(ROOT, BAD)], True, 10.0)
    assert found[ROOT].event is Event.FIRED
    assert found[HOME].state.verdict is Verdict.ERROR


def test_vanished_series_is_forgotten_in_the_end_and_reported_as_cleared() -> None:
    before = states(evaluate_series(CONDITION, {}, [disk(ROOT, GOOD), disk(HOME, BAD)], False, 0.0))
    gone = states(evaluate_series(CONDITION, before, [disk(ROOT, GOOD)], False, 10.0))
    kept = evaluate_series(CONDITION, gone, [disk(ROOT, GOOD)], False, FORGOTTEN_AFTER + 10)
    assert not kept[HOME].forgotten
    found = evaluate_series(CONDITION, states(kept), [disk(ROOT, GOOD)], False, FORGOTTEN_AFTER + 11)
    assert (found[HOME].forgotten, found[HOME].event) == (True, Event.CLEARED)
    assert states(found).keys() == {ROOT}


def test_series_that_the_condition_names_is_never_forgotten() -> None:
    before = states(evaluate_series(NAMED, {}, [disk(ROOT, BAD)], False, 0.0))
    found = evaluate_series(NAMED, before, [], False, 10 * FORGOTTEN_AFTER)
    assert (found[ROOT].forgotten, found[ROOT].event) == (False, Event.NONE)
    assert found[ROOT].state.fired_at == 0.0


def test_series_of_a_condition_without_data_makes_way_for_the_first_real_one() -> None:
    pessimist = replace(CONDITION, no_data=NoData.FAIL)
    before = states(evaluate_series(pessimist, {}, [], False, 0.0))
    assert before.keys() == {()}
    found = evaluate_series(pessimist, before, [disk(ROOT, GOOD)], False, 10.0)
    assert (found[()].forgotten, found[()].event) == (True, Event.CLEARED)
    assert states(found).keys() == {ROOT}


def test_condition_whose_every_series_is_forgotten_has_no_data_again() -> None:
    before = {HOME: ConditionState(verdict=Verdict.PASS, value=GOOD, measured_at=0.0, missing_since=0.0)}
    found = evaluate_series(CONDITION, before, [], False, 2 * FORGOTTEN_AFTER)
    assert found[HOME].forgotten
    assert states(found)[()].verdict is Verdict.INCONCLUSIVE


def test_samples_are_told_apart_by_signal() -> None:
    load = Sample("load.1m", (), 1.0)
    assert by_signal([disk(ROOT, 1.0), load, disk(HOME, 2.0)]) == {
        "disk.used_percent": [disk(ROOT, 1.0), disk(HOME, 2.0)],
        "load.1m": [load],
    }


@given(st.text(), st.dictionaries(st.text(), st.text(), max_size=3))
def test_key_of_a_state_is_read_back_as_it_was(name: str, pairs: dict[str, str]) -> None:
    assert parse_state_key(state_key(name, labels(pairs))) == (name, labels(pairs))


@pytest.mark.parametrize(
    "key", ["", "x", "[]", "{}", '["a"]', '["a",{}]', '["a",[["b"]]]', '["a",[["b",1]]]', "[1,[]]"]
)
def test_what_is_no_key_of_a_state_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_state_key(key)


LEVELS = st.sampled_from([GOOD, BAD, float("nan")])
PASSES = st.lists(st.dictionaries(st.sampled_from([ROOT, HOME]), LEVELS), min_size=1, max_size=5)


@given(PASSES, st.sampled_from([CONDITION, NAMED]))
def test_steady_series_is_what_evaluate_series_concludes_or_leaves_it_to_it(
    passes: list[dict[Labels, float]], condition: Condition
) -> None:
    before: dict[Labels, ConditionState] = {}
    for number, found in enumerate(passes):
        samples = [disk(series, value) for series, value in found.items()]
        well = steady_series(condition, labels(condition.labels), before, samples, 10.0 * number)
        full = evaluate_series(condition, before, samples, False, 10.0 * number, 10.0)
        if well is not None:
            assert well == states(full)
            assert {evaluation.event for evaluation in full.values()} == {Event.NONE}
            assert not any(evaluation.forgotten for evaluation in full.values())
        before = states(full)


def test_steady_series_decides_what_stays_good() -> None:
    before = states(evaluate_series(CONDITION, {}, [disk(ROOT, GOOD), disk(HOME, GOOD)], False, 0.0))
    well = steady_series(CONDITION, (), before, [disk(ROOT, GOOD), disk(HOME, GOOD)], 10.0)
    assert well is not None
    assert well.keys() == {ROOT, HOME}
    assert steady_series(CONDITION, (), before, [disk(ROOT, GOOD)], 10.0) is None
    assert steady_series(CONDITION, (), {}, [disk(ROOT, GOOD)], 10.0) is None
