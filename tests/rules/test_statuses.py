from __future__ import annotations

from typing import Any

import pytest

from agent.rules.statuses import expected


@pytest.mark.parametrize(
    ("wanted", "status", "met"),
    [
        (200, 200, True),
        (200, 201, False),
        ("200", 200, True),
        ("2xx", 299, True),
        ("2xx", 302, False),
        ([301, "4xx"], 404, True),
        ([301, "4xx"], 200, False),
    ],
)
def test_status_is_expected_if_it_or_its_class_is_named(wanted: Any, status: int, met: bool) -> None:
    assert expected(wanted, status) is met
