"""What each keyword of JSON Schema says to a person whose value it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema.exceptions import ValidationError

from agent.policy.nearest import suggest

Wording = Callable[[ValidationError, str | None], tuple[str, str]]
"""Given an error and the scalar as it was written (or None), return what is wrong and what would be right."""

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "null",
}
LONGEST = 60


def shown(value: Any) -> str:
    """Given a value, return it short and on one line, with everything that is not plain ASCII escaped."""
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 4]}...{text[-1] if isinstance(value, str) else ''}"


def unknown_key(name: str, schema: Mapping[str, Any]) -> tuple[str, str]:
    """Given a key that a closed map does not have, and the map's schema, word it."""
    if name in schema.get("x-later", ()):
        return f"{name} is not supported by this version of hostkeeper", "remove it"
    return f"unknown key {shown(name)}", suggest(name, schema.get("properties", {}), "keys")


def _example(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples")
    return f", such as {json.dumps(examples[0], ensure_ascii=False)}" if examples else ""


def _type(error: ValidationError, written: str | None) -> tuple[str, str]:
    allowed = [error.validator_value] if isinstance(error.validator_value, str) else list(error.validator_value)
    value = error.instance
    wanted = " or ".join(KINDS[kind] for kind in allowed if kind != "null" or len(allowed) == 1)
    wrong = "the value is missing" if value is None else f"{shown(value)} is not {wanted}"
    if "string" in allowed and written is not None and value is not None:
        return wrong, f"put it in quotes: {json.dumps(written)}"
    if (
        isinstance(value, str)
        and allowed[0] in ("integer", "number")
        and written
        and written.strip("0123456789.") == ""
    ):
        return wrong, "write the number without quotes and without leading zeros"
    if "array" in allowed and isinstance(value, str):
        return wrong, f"write a list: [{value if len(value) < LONGEST else '...'}]"
    return wrong, f"write {wanted}{_example(error.schema)}"


def _enum(error: ValidationError, _written: str | None) -> tuple[str, str]:
    allowed = [str(value) for value in error.validator_value]
    wrong = "the value is missing" if error.instance is None else f"{shown(error.instance)} is not one of the choices"
    near = suggest(error.instance, allowed, "choices") if isinstance(error.instance, str) else ""
    choices = f"write {', '.join(allowed[:-1])} or {allowed[-1]}"
    return wrong, near if near.startswith("did you mean") else choices


def _const(error: ValidationError, _written: str | None) -> tuple[str, str]:
    return f"{shown(error.instance)} is not known here", f"write {json.dumps(error.validator_value)}"


def _required(error: ValidationError, _written: str | None) -> tuple[str, str]:
    missing = next(
        name for name in error.validator_value if name not in error.instance and f"'{name}'" in error.message
    )
    schema = error.schema.get("properties", {}).get(missing, {})
    examples = schema.get("examples") or ["..."]
    return f"{missing} is missing", f"add {missing}: {json.dumps(examples[0], ensure_ascii=False)}"


def _one_of(error: ValidationError, _written: str | None) -> tuple[str, str]:
    keys = [key for choice in error.validator_value for key in choice.get("required", ())]
    given = [key for key in keys if key in error.instance]
    choices = f"{', '.join(keys[:-1])} and {keys[-1]}"
    wrong = f"{' and '.join(given)} exclude each other" if given else f"none of {choices} is given"
    return wrong, f"give exactly one of {choices}"


def _dependent(error: ValidationError, _written: str | None) -> tuple[str, str]:
    key, wanted = next(
        (key, name)
        for key, names in error.validator_value.items()
        if key in error.instance
        for name in names
        if name not in error.instance and repr(name) in error.message
    )
    return f"{key} is given without {wanted}", f"{key} goes with {wanted} only"


def _too_small(error: ValidationError, _written: str | None) -> tuple[str, str]:
    return f"{shown(error.instance)} is too small", f"write at least {error.validator_value}"


def _too_large(error: ValidationError, _written: str | None) -> tuple[str, str]:
    return f"{shown(error.instance)} is too large", f"write at most {error.validator_value}"


def _too_short(error: ValidationError, _written: str | None) -> tuple[str, str]:
    if isinstance(error.instance, str):
        wrong = "the text is empty" if not error.instance else f"{shown(error.instance)} is too short"
        return wrong, f"write at least {error.validator_value} characters{_example(error.schema)}"
    many = "entry" if error.validator_value == 1 else "entries"
    return f"{len(error.instance)} entries are too few", f"give at least {error.validator_value} {many}"


def _too_long(error: ValidationError, _written: str | None) -> tuple[str, str]:
    if isinstance(error.instance, str):
        return f"a text of {len(error.instance)} characters is too long", f"write at most {error.validator_value}"
    return f"{len(error.instance)} entries are too many", f"give at most {error.validator_value}"


def _unique(error: ValidationError, _written: str | None) -> tuple[str, str]:
    entries = [json.dumps(entry, sort_keys=True) for entry in error.instance]
    twice = next(entry for entry, text in zip(error.instance, entries, strict=True) if entries.count(text) > 1)
    return f"{shown(twice)} is given more than once", "remove the repetition"


def _pattern(error: ValidationError, _written: str | None) -> tuple[str, str]:
    example = _example(error.schema).removeprefix(", ")
    return f"{shown(error.instance)} is not of the right form", f"write it {example}" if example else (
        f"it has to match {error.validator_value}"
    )


WORDINGS: Mapping[str, Wording] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "oneOf": _one_of,
    "dependentRequired": _dependent,
    "minimum": _too_small,
    "exclusiveMinimum": _too_small,
    "maximum": _too_large,
    "exclusiveMaximum": _too_large,
    "minLength": _too_short,
    "minItems": _too_short,
    "minProperties": _too_short,
    "maxLength": _too_long,
    "maxItems": _too_long,
    "maxProperties": _too_long,
    "uniqueItems": _unique,
    "pattern": _pattern,
}
