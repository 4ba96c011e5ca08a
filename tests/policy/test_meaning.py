from __future__ import annotations

from typing import Any

import pytest

from agent.policy.meaning import Meaning


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"timezone": "Europe/Berlin"}, []),
        ({"timezone": "local"}, []),
        ({"timezone": "Europe/Belrin"}, [("tasks", "save", "with", "timezone")]),
        ({"timezone": 1}, []),
        ({}, []),
        (None, []),
    ],
)
def test_option_that_names_a_time_zone_has_to_name_one(options: Any, wrong: list[tuple[str, ...]]) -> None:
    policy: dict[str, Any] = {"windows": {}, "thresholds": {}, "databases": {}, "repositories": {}}
    policy |= {"notifiers": {}, "probes": {}}
    task = {} if options is None else {"with": options}
    complaints = Meaning().of_policy({**policy, "tasks": {"save": task}}, {"tasks": {"save": task}})
    assert [path for path, _, _ in complaints] == wrong
