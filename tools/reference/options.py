"""A JSON Schema as a nested list of options: name, type, default, limits, what it is, an example."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from agent.schema import Schema, resolve

TYPES = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "null",
    "array": "list",
    "object": "map",
}
RANGES = (
    ("minimum", "maximum", ""),
    ("x-minimum", "x-maximum", ""),
    ("minLength", "maxLength", " characters"),
    ("minItems", "maxItems", " items"),
    ("minProperties", "maxProperties", " entries"),
)

LONGEST_EXAMPLE = 80
"""Longer ones stand in a block of their own."""


class Options:
    """Renders the options of one schema file, `whole`, in which its references are looked up."""

    def __init__(self, whole: Schema) -> None:
        self._whole = whole

    def lines(self, schema: Schema, indent: int = 0) -> Iterator[str]:
        """Given an object schema, yield a bullet for each of its options, those inside them indented below."""
        required = schema.get("required", [])
        for name, option in schema.get("properties", {}).items():
            yield from self._bullet(f"`{name}`", self.resolve(option), indent, required=name in required)
        for name, option in schema.get("patternProperties", {}).items():
            yield from self._bullet(f"`{name.removeprefix('^')}...`", self.resolve(option), indent, required=False)

    def resolve(self, schema: Schema) -> Schema:
        """Given a schema, return what it refers to, overlaid with what stands beside the reference."""
        return resolve(schema, self._whole)

    def type(self, schema: Schema) -> str:
        """Given a schema, say which values it takes."""
        schema = self.resolve(schema)
        if "x-quantity" in schema:
            names = [schema["x-quantity"], *(["null"] if "null" in schema.get("type", ()) else [])]
        elif "x-reference" in schema:
            names = [f"name of `{schema['x-reference']}`", *(["null"] if "null" in schema["type"] else [])]
        elif "const" in schema:
            names = [f"`{inline(schema['const'])}`"]
        elif "enum" in schema:
            names = [f"`{inline(value)}`" for value in schema["enum"]]
        elif variants := variants_of(schema):
            names = [self.type(variant) for variant in variants]
        else:
            types = schema.get("type", [])
            names = [TYPES[name] for name in ([types] if isinstance(types, str) else types)]
            if "list" in names and "items" in schema:
                names[names.index("list")] = f"list of {self.type(schema['items'])}"
        return " or ".join(dict.fromkeys(names)) or "anything"

    def _bullet(self, name: str, schema: Schema, indent: int, *, required: bool) -> Iterator[str]:
        facts = [self.type(schema), *limits(schema)]
        if "default" in schema:
            facts.append(f"default `{inline(schema['default'])}`")
        if required:
            facts.append("required")
        text = f"{'  ' * indent}- **{name}** ({'; '.join(filter(None, facts))})"
        if description := schema.get("description"):
            text += f": {description}"
        examples = [line for line in map(inline, schema.get("examples", [])) if len(line) <= LONGEST_EXAMPLE]
        if examples:
            text += " Example: " + ", ".join(f"`{example}`" for example in examples) + "."
        yield text
        for inner in self._inner(schema):
            yield from self.lines(inner, indent + 1)

    def _inner(self, schema: Schema) -> list[Schema]:
        candidates = [schema, *variants_of(schema)]
        if isinstance(schema.get("items"), dict):
            candidates.append(schema["items"])
        return [inner for inner in map(self.resolve, candidates) if inner.get("properties")]


def variants_of(schema: Schema) -> list[Schema]:
    """Given a schema, return the alternatives that it allows."""
    return [*schema.get("oneOf", []), *schema.get("anyOf", [])]


def limits(schema: Schema) -> list[str]:
    """Given a schema, return its limits in words."""
    found = []
    for lowest, highest, unit in RANGES:
        least, most = (inline(schema[key]) if key in schema else None for key in (lowest, highest))
        if least and least == most:
            found.append(f"{least}{unit}")
        elif least and most:
            found.append(f"{least} to {most}{unit}")
        elif least:
            found.append(f"at least {least}{unit}")
        elif most:
            found.append(f"at most {most}{unit}")
    found += [f"more than {inline(schema['exclusiveMinimum'])}"] if "exclusiveMinimum" in schema else []
    found += [f"less than {inline(schema['exclusiveMaximum'])}"] if "exclusiveMaximum" in schema else []
    found += ["no two alike"] if schema.get("uniqueItems") else []
    return found


def inline(value: object) -> str:
    """Given a JSON value, return it as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, sort_keys=False, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")


def block(value: object) -> str:
    """Given a JSON value, return it as a fenced block of YAML."""
    text = yaml.safe_dump(value, default_flow_style=None, sort_keys=False, allow_unicode=True, width=100)
    return f"```yaml fragment\n{text}```"
