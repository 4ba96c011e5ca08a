"""What units say in the journal."""

from __future__ import annotations

import json

import pytest

from agent.host.units import logged


@pytest.mark.parametrize(
    ("fields", "priority", "message"),
    [
        ({"MESSAGE": "ready", "PRIORITY": "3"}, 3, "ready"),
        ({"MESSAGE": "a\u2028b"}, 6, "a\u2028b"),
        ({"MESSAGE": [104, 105, 255]}, 6, "hi\ufffd"),
        ({"MESSAGE": ["one", [116, 119, 111], None], "PRIORITY": ["3", "4"]}, 6, "one; two; "),
        ({"MESSAGE": None, "PRIORITY": None}, 6, ""),
        ({"PRIORITY": "9" * 5000}, 6, ""),
        ({"PRIORITY": [0xFF]}, 6, ""),
    ],
)
def test_entry_of_any_program_is_told(fields: dict[str, object], priority: int, message: str) -> None:
    entry = logged(json.dumps({"__REALTIME_TIMESTAMP": "1500000", **fields}))
    assert (entry.at, entry.priority, entry.message) == (1.5, priority, message)
