"""`hostkeeper actions`: what tasks can do, and every option of an action, from its schema."""

from __future__ import annotations

import argparse
import json
from typing import Any

from agent.cli.output import broken, columns, emit_json, table
from agent.errors import ExitCode
from agent.registry import load, names
from agent.schema import Schema, Schemas, resolve


def main(arguments: argparse.Namespace) -> int:
    """List the actions, or print the reference of one."""
    schemas = Schemas()
    if arguments.action is None:
        found = {name: schemas.action(name)["description"] for name in names()}
        rows = [(name, description.partition(". ")[0].rstrip(".")) for name, description in found.items()]
        emit_json(found) if arguments.json else print(table(("action", "does"), rows, columns()))
        return ExitCode.OK
    load(arguments.action)
    schema = schemas.action(arguments.action)
    emit_json(schema) if arguments.json else print(reference(arguments.action, schema, columns()))
    return ExitCode.OK


def reference(name: str, schema: Schema, within: int | None = None) -> str:
    """Given an action's name and schema, return its whole reference as text, in lines of up to `within` characters."""
    lines = [*broken(f"{name}: {schema['description']}", within), "", "options"]
    for key, raw in schema["properties"].items():
        option = resolve(raw, schema)
        required = key in schema.get("required", ())
        lines.append(f"  {key}: {_kind(option)}{', required' if required else ''}{_default(option)}")
        lines += broken(option["description"], within, "      ")
        limits = [f"{_LIMITS[limit]} {option[limit]}" for limit in _LIMITS if limit in option]
        lines += [f"      {', '.join(limits)}"] if limits else []
    for example in schema.get("examples", ()):
        lines += ["", "example", f"  action: {name}", f"  with: {json.dumps(example)}"]
    return "\n".join(lines)


_LIMITS = {
    "minimum": "at least",
    "maximum": "at most",
    "x-minimum": "at least",
    "x-maximum": "at most",
    "minItems": "items at least",
    "maxItems": "items at most",
    "maxLength": "characters at most",
}


def _kind(option: dict[str, Any]) -> str:
    if "x-reference" in option:
        return f"a name of {option['x-reference']}"
    if "x-quantity" in option:
        return str(option["x-quantity"])
    if "enum" in option:
        return " | ".join(map(str, option["enum"]))
    kind = option.get("type", "any")
    return " | ".join(kind) if isinstance(kind, list) else str(kind)


def _default(option: dict[str, Any]) -> str:
    return f", default {json.dumps(option['default'])}" if "default" in option else ""
