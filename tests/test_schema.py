"""The schemas: found, read, bundled for editors; and the conventions of schemas/README.md."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from agent.policy.normalise import normalise, plan_of
from agent.rules import quantities
from agent.schema import Schema, Schemas, resolve, root
from tests.policy.samples import GOOD

NAMES = ["policy.schema.json", "agent.schema.json", *(f"actions/{name}.json" for name in Schemas().action_names())]
KEYWORDS = {
    *("x-quantity", "x-minimum", "x-maximum", "x-hint", "x-text-is"),
    *("x-reference", "x-reference-action", "x-reference-same", "x-reference-unless", "x-secret", "x-later", "x-limits"),
}


def load(name: str) -> Schema:
    found = json.loads(Path(root(), name).read_bytes())
    assert isinstance(found, dict)
    return found


def inner(schema: Any) -> Iterator[Schema]:
    """Yield every schema inside one, itself included."""
    if isinstance(schema, dict):
        yield schema
        for key in ("properties", "patternProperties", "$defs"):
            for member in schema.get(key, {}).values():
                yield from inner(member)
        for key in ("items", "additionalProperties", "propertyNames"):
            yield from inner(schema.get(key))


def test_schemas_are_found_by_name() -> None:
    schemas = Schemas()
    assert schemas.policy()["title"] == "Hostkeeper policy"
    assert schemas.settings()["title"] == "Hostkeeper settings"
    assert schemas.action("files.retain")["title"] == "files.retain"
    assert "command.run" in schemas.action_names()
    assert list(schemas.action_names()) == sorted(schemas.action_names())


@pytest.mark.parametrize("name", NAMES)
def test_schema_uses_no_keyword_that_is_not_documented(name: str) -> None:
    readme = Path(root(), "README.md").read_text(encoding="utf-8")
    for schema in inner(load(name)):
        for keyword in (key for key in schema if key.startswith("x-")):
            assert keyword in KEYWORDS
            assert f"`{keyword}`" in readme


@pytest.mark.parametrize("name", NAMES)
def test_quantities_of_a_schema_are_read_by_the_grammar(name: str) -> None:
    whole = load(name)
    for schema in (resolve(part, whole) for part in inner(whole)):
        kind = schema.get("x-quantity")
        if kind is None:
            assert not {"x-minimum", "x-maximum"} & schema.keys()
            continue
        values = [schema[key] for key in ("x-minimum", "x-maximum", "default") if schema.get(key) is not None]
        for value in values + schema["examples"]:
            if isinstance(value, str):
                quantities.parse(kind, value)
        kinds = {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
        assert "string" in kinds
        assert kind != "duration" or kinds <= {"string", "null"}, "a bare number could be seconds or minutes"


@pytest.mark.parametrize("name", NAMES)
def test_defaults_and_examples_are_within_their_own_bounds(name: str) -> None:
    whole = load(name)
    for schema in (resolve(part, whole) for part in inner(whole)):
        validator = jsonschema.Draft202012Validator({**schema, "$defs": whole.get("$defs", {})})
        for value in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
            validator.validate(value)
            complaints: list[Any] = []
            normalise(plan_of(schema, whole), value, complaints)
            assert complaints == []


@pytest.mark.parametrize("name", NAMES)
def test_patterns_mean_the_whole_text(name: str) -> None:
    for schema in inner(load(name)):
        pattern = schema.get("pattern")
        if pattern is not None:
            assert pattern.startswith("^")
            assert pattern.endswith("$")
            assert not re.search(r"\\[dwsb]", pattern), "its meaning differs between engines"


def test_fingerprint_changes_with_any_schema(tmp_path: Path) -> None:
    shutil.copytree(root(), tmp_path / "schemas")
    copy = str(tmp_path / "schemas")
    first = Schemas(copy).fingerprint()
    assert first == Schemas().fingerprint()
    for name in NAMES:
        path = tmp_path / "schemas" / name
        before = path.read_bytes()
        path.write_bytes(before + b" ")
        assert Schemas(copy).fingerprint() != first
        path.write_bytes(before)
    assert Schemas(copy).fingerprint() == first


def test_bundle_is_a_schema_that_accepts_the_good_samples_and_knows_every_action(tmp_path: Path) -> None:
    bundle = Schemas().bundle()
    jsonschema.Draft202012Validator.check_schema(bundle)
    validator = jsonschema.Draft202012Validator(bundle)
    json_sample = next(sample for sample in GOOD if sample.stem == "json")
    validator.validate(json.loads(json_sample.read_bytes()))
    for name in Schemas().action_names():
        task = {"action": name, "with": {"no such option": 1}}
        (error,) = [
            error
            for error in validator.iter_errors({"version": 1, "tasks": {"a": task}})
            if error.validator == "additionalProperties"
        ]
        assert list(error.absolute_path) == ["tasks", "a", "with"]
    assert not validator.is_valid({"version": 1, "tasks": {"a": {"action": "no.such"}}})


def test_bundle_leaves_the_schemas_as_they_are() -> None:
    schemas = Schemas()
    before = json.dumps([schemas.policy(), schemas.action("command.run")])
    schemas.bundle()
    assert json.dumps([schemas.policy(), schemas.action("command.run")]) == before


def test_reference_is_followed_and_overlaid() -> None:
    whole: Schema = {"$defs": {"a": {"$ref": "#/$defs/b", "default": 1}, "b": {"type": "integer", "default": 2}}}
    assert resolve({"$ref": "#/$defs/a", "title": "t"}, whole) == {"type": "integer", "default": 1, "title": "t"}
