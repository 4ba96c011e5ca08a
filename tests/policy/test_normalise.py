"""Data as meant: defaults, quantities and their bounds, read off a schema."""

from __future__ import annotations

from typing import Any

import pytest

from agent.policy.normalise import Complaint, normalise, plan_of
from agent.schema import Schema

SCHEMA: Schema = {
    "type": "object",
    "properties": {
        "plain": {"type": "string"},
        "age": {"type": "string", "x-quantity": "duration", "x-minimum": "1m", "x-maximum": "1d", "default": "1h"},
        "size": {"type": ["string", "integer", "null"], "x-quantity": "size", "default": None},
        "share": {"type": ["string", "number"], "x-quantity": "percent", "default": "50%"},
        "count": {"type": "integer", "default": 3},
        "ages": {"type": "array", "items": {"type": "string", "x-quantity": "duration"}, "default": ["1s"]},
        "inner": {"type": "object", "properties": {"age": {"$ref": "#/$defs/age"}}, "default": {}},
        "left_out": {"type": "object", "properties": {"age": {"$ref": "#/$defs/age"}}},
        "when": {"type": ["string", "object"], "x-text-is": "cron", "properties": {"zone": {"default": "local"}}},
    },
    "additionalProperties": {"type": "object", "properties": {"age": {"$ref": "#/$defs/age"}}},
    "$defs": {"age": {"type": "string", "x-quantity": "duration", "default": "2s"}},
}
PLAN = plan_of(SCHEMA)
DEFAULTS: dict[str, Any] = {
    "age": 3600.0,
    "size": None,
    "share": 50.0,
    "count": 3,
    "ages": [1.0],
    "inner": {"age": 2.0},
}


def meant(value: Any) -> tuple[Any, list[Complaint]]:
    complaints: list[Complaint] = []
    return normalise(PLAN, value, complaints), complaints


def test_defaults_are_filled_and_normalised() -> None:
    assert meant({}) == (DEFAULTS, [])


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"age": "2m"}, {"age": 120.0}),
        ({"size": "1KiB"}, {"size": 1024}),
        ({"size": 7}, {"size": 7}),
        ({"size": None}, {"size": None}),
        ({"share": 12.5}, {"share": 12.5}),
        ({"count": 4.0}, {"count": 4}),
        ({"ages": ["1m", "2m"]}, {"ages": [60.0, 120.0]}),
        ({"inner": {"age": "1s"}}, {"inner": {"age": 1.0}}),
        ({"left_out": {}}, {"left_out": {"age": 2.0}}),
        ({"when": "@daily"}, {"when": {"zone": "local", "cron": "@daily"}}),
        ({"when": {"cron": "@daily", "zone": "UTC"}}, {"when": {"zone": "UTC", "cron": "@daily"}}),
        ({"another": {"age": "5s"}, "third": {}}, {"another": {"age": 5.0}, "third": {"age": 2.0}}),
        ({"plain": "5m"}, {"plain": "5m"}),
    ],
)
def test_what_is_given_is_taken_as_meant(value: dict[str, Any], found: dict[str, Any]) -> None:
    assert meant(value) == (DEFAULTS | found, [])


def test_whole_number_written_with_a_fraction_becomes_an_integer() -> None:
    assert type(meant({"count": 4.0})[0]["count"]) is int


def test_every_quantity_that_is_wrong_is_named_with_its_path() -> None:
    _, complaints = meant({"age": "1s", "ages": ["1s", "x", "5"], "inner": {"age": "y"}, "another": {"age": "z"}})
    assert [path for path, *_ in complaints] == [
        ("age",),
        ("ages", 1),
        ("ages", 2),
        ("inner", "age"),
        ("another", "age"),
    ]
    assert complaints[0] == (("age",), "1s is too small", "give at least 1m")
    assert complaints[2][2] == "add the unit: 5s, 5m, 5h or 5d"


def test_bounds_of_a_quantity_are_allowed_themselves() -> None:
    assert meant({"age": "1m"})[1] == meant({"age": "1d"})[1] == []
    assert meant({"age": "1d1s"})[1] == [(("age",), "1d1s is too large", "give at most 1d")]


def test_quantity_that_was_refused_is_refused_again() -> None:
    assert meant({"age": "2d"})[1] == meant({"age": "2d"})[1] != []


def test_nothing_is_changed_in_place() -> None:
    value = {"age": "2m", "inner": {}, "ages": ["1m"], "when": "@daily"}
    meant(value)
    assert value == {"age": "2m", "inner": {}, "ages": ["1m"], "when": "@daily"}
