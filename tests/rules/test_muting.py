"""Which thresholds explain others."""

from __future__ import annotations

import pytest

from agent.model.signals import ConditionState, Labels, Verdict, labels
from agent.rules.muting import ancestors, explaining, explains

ROOT, HOME = labels({"mountpoint": "/"}), labels({"mountpoint": "/home"})


def test_ancestors_are_all_above_the_nearest_first() -> None:
    parents = {"service": ("host",), "host": ("router", "power"), "router": ("power",), "page": ("service",)}
    assert ancestors(parents) == {
        "service": ("host", "router", "power"),
        "host": ("router", "power"),
        "router": ("power",),
        "page": ("service", "host", "router", "power"),
    }


@pytest.mark.parametrize(
    ("state", "explained"),
    [
        (ConditionState(Verdict.PASS), False),
        (ConditionState(Verdict.FAIL, since=1.0), True),
        (ConditionState(Verdict.FAIL, since=1.0, fired_at=1.0), True),
        (ConditionState(Verdict.ERROR, fired_at=1.0), True),
        (ConditionState(Verdict.PASS, fired_at=1.0), True),
        (ConditionState(Verdict.ERROR), False),
        (ConditionState(Verdict.INCONCLUSIVE), False),
    ],
)
def test_parent_explains_while_it_fires_or_is_violated(state: ConditionState, explained: bool) -> None:
    assert explaining({ROOT: state, HOME: ConditionState(Verdict.PASS)}) == ({ROOT} if explained else set())


@pytest.mark.parametrize(
    ("series", "parent", "explained"),
    [
        (ROOT, ROOT, True),
        (ROOT, HOME, False),
        (ROOT, (), True),
        ((), HOME, True),
        (ROOT, labels({"device": "sda"}), True),
        (labels({"mountpoint": "/", "device": "sdb"}), labels({"mountpoint": "/", "device": "sda"}), False),
    ],
)
def test_series_is_explained_by_one_that_agrees_with_it(series: Labels, parent: Labels, explained: bool) -> None:
    assert explains(series, {parent}) is explained
    assert not explains(series, set())
