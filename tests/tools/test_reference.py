"""The reference says what the schemas and the code say, and notices when it no longer does."""

from __future__ import annotations

from typing import Any

import pytest

from agent.errors import ExitCode
from agent.metrics import families
from agent.metrics.families import Family
from agent.model.explanations import BY_SUBJECT, explain
from agent.model.reasons import Reason
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from tools.reference.folder import render
from tools.reference.options import Options, limits

PAGES = {path.name: text for path, text in render().items()}


@pytest.mark.parametrize(
    ("schema", "line"),
    [
        (
            {"type": "integer", "minimum": 1, "maximum": 9, "default": 3, "description": "How many."},
            "- **`key`** (whole number; 1 to 9; default `3`): How many.",
        ),
        (
            {"type": ["string", "null"], "x-quantity": "duration", "default": None, "examples": ["7d"]},
            "- **`key`** (duration or null; default `null`) Example: `7d`.",
        ),
        ({"enum": ["a", "b"]}, "- **`key`** (`a` or `b`)"),
        ({"oneOf": [{"type": "string"}, {"type": "boolean"}]}, "- **`key`** (text or true or false)"),
        ({"type": "array", "items": {"$ref": "#/$defs/count"}}, "- **`key`** (list of number)"),
        ({}, "- **`key`** (anything)"),
    ],
)
def test_option_says_type_limits_default_description_and_example(schema: dict[str, Any], line: str) -> None:
    whole = {"properties": {"key": schema}, "$defs": {"count": {"type": "number"}}}
    assert list(Options(whole).lines(whole)) == [line]


def test_option_that_is_required_says_so_and_options_inside_it_are_indented() -> None:
    inner = {"type": "object", "properties": {"inside": {"type": "string"}}}
    whole = {"required": ["key"], "properties": {"key": inner}}
    assert list(Options(whole).lines(whole)) == ["- **`key`** (map; required)", "  - **`inside`** (text)"]


def test_limits_of_a_fixed_number_of_items_are_one_number() -> None:
    assert limits({"minItems": 2, "maxItems": 2, "uniqueItems": True}) == ["2 items", "no two alike"]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("actions.md", [f"## {name}" for name in names()]),
        ("signals.md", [f"| `{name}` |" for name in SIGNALS]),
        ("reasons.md", [f"| `{reason}` |" for reason in Reason]),
        ("exit-codes.md", [f"| {int(code)} | {code.name} |" for code in ExitCode]),
        ("metrics.md", [f"`{value.name}" for value in vars(families).values() if isinstance(value, Family)]),
    ],
)
def test_page_names_everything_there_is(page: str, words: list[str]) -> None:
    assert [word for word in words if word not in PAGES[page]] == []


def test_every_reason_is_explained_once() -> None:
    explained = [reason for texts in BY_SUBJECT.values() for reason in texts]
    assert sorted(explained) == sorted(Reason)
    assert explain("too_old").startswith("It is older")
    assert explain("no reason of ours") == ""
