"""What each keyword of JSON Schema says to a person whose value it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from agent.policy.nearest import quoted, suggest
from agent.rules import quantities


class Refusal(Struct, frozen=True):
    """A value, the keyword of its schema that refuses it, and what that keyword wants.

    `written` is the scalar as it stands in the file, None for lists and maps; `message` the library's own words.
    """

    keyword: str
    wants: Any
    value: Any
    schema: Mapping[str, Any]
    written: str | None
    message: str


Wording = Callable[[Refusal], tuple[str, str]]
"""Given a refusal, return what is wrong and what would be right."""

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
    return f"unknown key {quoted(name)}", suggest(name, schema.get("properties", {}), "keys")


def _example(schema: Mapping[str, Any]) -> str:
    examples = schema.get("examples")
    return f", such as {json.dumps(examples[0], ensure_ascii=False)}" if examples else ""


def _type(it: Refusal) -> tuple[str, str]:
    allowed = [it.wants] if isinstance(it.wants, str) else list(it.wants)
    wanted = " or ".join(KINDS[kind] for kind in allowed if kind != "null" or len(allowed) == 1)
    if it.value is None:
        return "the value is missing", f"write {wanted}{_example(it.schema)}"
    wrong = f"{shown(it.value)} is not {wanted}"
    if "x-quantity" in it.schema:
        return wrong, _quantity(it)
    if allowed == ["string"] and it.written is not None:
        return wrong, f"put it in quotes: {json.dumps(it.written)}"
    if isinstance(it.value, str) and allowed[0] in ("integer", "number") and it.value.strip("0123456789.") == "":
        return wrong, f"write {it.value.lstrip('0') or '0'}, without quotes or leading zeros"
    if "array" in allowed and it.written is not None:
        return wrong, f"write a list: [{it.written[:LONGEST]}]"
    return wrong, f"write {wanted}{_example(it.schema)}"


def _quantity(it: Refusal) -> str:
    """Say how to write a quantity that was given as a bare number, a list or a map."""
    try:
        quantities.parse(it.schema["x-quantity"], str(it.written))
    except quantities.QuantityError as error:
        return error.right
    return f"put it in quotes: {json.dumps(it.written)}"


def _enum(it: Refusal) -> tuple[str, str]:
    wrong = "the value is missing" if it.value is None else f"{shown(it.value)} is not one of the choices"
    choices = [str(value) for value in it.wants]
    near = suggest(str(it.written), choices, "choices")
    return wrong, f"{near} (one of {', '.join(choices)})" if near.startswith(
        "did"
    ) else f"write one of {', '.join(choices)}"


def _const(it: Refusal) -> tuple[str, str]:
    return f"{shown(it.value)} is not known here", f"write {json.dumps(it.wants)}"


def _required(it: Refusal) -> tuple[str, str]:
    return _missing(it, next(name for name in it.wants if name not in it.value and f"'{name}'" in it.message))


def _missing(it: Refusal, name: str) -> tuple[str, str]:
    schema = it.schema.get("properties", {}).get(name, {})
    examples = schema.get("examples") or ["..."]
    return f"{name} is missing", f"add {name}: {json.dumps(examples[0], ensure_ascii=False)}"


def _one_of(it: Refusal) -> tuple[str, str]:
    keys = [key for choice in it.wants for key in choice.get("required", ())]
    if len(keys) == 1:
        return _missing(it, keys[0])
    given = [key for key in keys if key in it.value]
    choices = f"{', '.join(keys[:-1])} and {keys[-1]}"
    wrong = f"{' and '.join(given)} exclude each other" if given else f"none of {choices} is given"
    return wrong, f"give exactly one of {choices}"


def _any_of(it: Refusal) -> tuple[str, str]:
    keys = [key for choice in it.wants for key in choice.get("required", ())]
    choices = f"{', '.join(keys[:-1])} and {keys[-1]}"
    return f"none of {choices} is given", f"give at least one of {choices}"


def _dependent(it: Refusal) -> tuple[str, str]:
    key, wanted = next(
        (key, name)
        for key, names in it.wants.items()
        if key in it.value
        for name in names
        if name not in it.value and {repr(key), repr(name)} <= set(it.message.split())
    )
    return f"{key} is given without {wanted}", f"{key} goes with {wanted} only"


def _too_small(it: Refusal) -> tuple[str, str]:
    return f"{shown(it.value)} is too small", f"write at least {it.wants}"


def _too_large(it: Refusal) -> tuple[str, str]:
    return f"{shown(it.value)} is too large", f"write at most {it.wants}"


def _too_short(it: Refusal) -> tuple[str, str]:
    if isinstance(it.value, str):
        if not it.value:
            return "the text is empty", f"write some{_example(it.schema)}"
        return f"{shown(it.value)} is too short", f"write at least {it.wants} characters{_example(it.schema)}"
    return _entries(it, "too few"), f"give at least {it.wants}{_example(it.schema)}"


def _too_long(it: Refusal) -> tuple[str, str]:
    if isinstance(it.value, str):
        return f"a text of {len(it.value)} characters is too long", f"write at most {it.wants}"
    return _entries(it, "too many"), f"give at most {it.wants}"


def _entries(it: Refusal, judgement: str) -> str:
    count = len(it.value)
    return "there are no entries" if not count else f"{count} {'entry is' if count == 1 else 'entries are'} {judgement}"


def _unique(it: Refusal) -> tuple[str, str]:
    entries = [json.dumps(entry, sort_keys=True) for entry in it.value]
    twice = next(entry for entry, text in zip(it.value, entries, strict=True) if entries.count(text) > 1)
    return f"{shown(twice)} is given more than once", "remove the repetition"


def _pattern(it: Refusal) -> tuple[str, str]:
    example = _example(it.schema).removeprefix(", ")
    return f"{shown(it.value)} is not of the right form", f"write it {example}" if example else (
        f"it has to match {it.wants}"
    )


WORDINGS: Mapping[str, Wording] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "required": _required,
    "oneOf": _one_of,
    "anyOf": _any_of,
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
