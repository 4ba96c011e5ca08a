"""Schemas are the product: valid, closed, described, and with examples and defaults that obey them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry, Resource

Schema = Mapping[str, Any]
MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
SINGLE = ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else", "contains")
LISTS = ("allOf", "anyOf", "oneOf", "prefixItems")


def walk(schema: object, path: str = "#") -> Iterator[tuple[str, Schema]]:
    """Given a schema, yield it and every schema inside it with its JSON pointer."""
    if not isinstance(schema, Mapping):
        return
    yield path, schema
    for key in MAPS:
        for name, inner in schema.get(key, {}).items():
            yield from walk(inner, f"{path}/{key}/{name}")
    for key in SINGLE:
        yield from walk(schema.get(key), f"{path}/{key}")
    for key in LISTS:
        for index, inner in enumerate(schema.get(key, [])):
            yield from walk(inner, f"{path}/{key}/{index}")


def load(folder: Path) -> dict[str, Schema]:
    """Given the folder of schemas, return them by their path below it."""
    return {str(path.relative_to(folder)): json.loads(path.read_bytes()) for path in sorted(folder.rglob("*.json"))}


def registry(schemas: Mapping[str, Schema]) -> Registry[bool | Schema]:
    """Return a registry in which our schemas find one another by `$id`, and nothing else is ever fetched."""
    return Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas.values() if "$id" in schema
    )


def _shape(name: str, schema: Schema) -> Iterator[str]:
    for path, inner in walk(schema):
        closed = inner.get("additionalProperties") is not None or inner.get("unevaluatedProperties") is False
        conditional = any(f"/{word}/" in f"{path}/" for word in ("if", "then", "else", "not"))
        if "properties" in inner and not closed and not conditional:
            yield f"{name}{path}: additionalProperties is not decided"
        for key, option in inner.get("properties", {}).items():
            if not conditional and "description" not in option and "$ref" not in option:
                yield f"{name}{path}/properties/{key}: no description"


def _values(name: str, schema: Schema, known: Registry[bool | Schema]) -> Iterator[str]:
    root = Draft202012Validator(schema, registry=known)
    for path, inner in walk(schema):
        validator = root.evolve(schema=inner)
        values = [("default", inner["default"])] if "default" in inner else []
        values += [(f"examples/{index}", value) for index, value in enumerate(inner.get("examples", []))]
        for where, value in values:
            for error in validator.iter_errors(value):
                yield f"{name}{path}/{where}: {error.message}"


def _action(name: str, schema: Schema) -> Iterator[str]:
    if not schema.get("examples"):
        yield f"{name}: an action needs at least one example"
    if schema.get("additionalProperties") is not False:
        yield f"{name}: an action's options must forbid extra keys"
    for key, option in schema.get("properties", {}).items():
        if ("default" in option) == (key in schema.get("required", [])):
            yield f"{name}#/properties/{key}: must be either required or have a default"


def check(schemas: Mapping[str, Schema]) -> Iterator[str]:
    """Given all schemas by path, yield a finding for each thing that a reader or an editor would trip over."""
    known = registry(schemas)
    for name, schema in schemas.items():
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as error:
            yield f"{name}#/{'/'.join(map(str, error.absolute_path))}: {error.message}"
            continue
        if not schema:
            yield f"{name}: empty, so it accepts anything"
        yield from _shape(name, schema)
        yield from _values(name, schema, known)
        if name.startswith("actions/"):
            yield from _action(name, schema)
