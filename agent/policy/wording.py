"""Every mistake of data that jsonschema-rs has rejected, found by jsonschema and worded by us, keyword by keyword."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jsonschema
import jsonschema_rs
from jsonschema.exceptions import ValidationError
from yaml.nodes import ScalarNode

from agent.policy.paths import Path
from agent.policy.places import Place, Places
from agent.policy.words import WORDINGS, Refusal, unknown_key
from agent.schema import Schema


class Worded(NamedTuple):
    """The path and the place of a mistake, what is wrong, and what would be right.

    `spoils` says that the value at the path is of no use, while else something is missing beside it.
    """

    path: Path
    place: Place
    wrong: str
    right: str
    spoils: bool = True


ABOUT_THE_MAP = frozenset({"required", "oneOf", "anyOf", "dependentRequired", "minProperties", "maxProperties"})
"""Keywords that complain of a map as a whole, so that the mistake stands at the map's key."""

ABOUT_THE_FORM = frozenset({"type", "pattern", "minItems", "maxItems"})
"""Keywords that `x-hint` answers better than any general sentence."""


def _whole_pattern(_validator: Any, pattern: str, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """`pattern`, where `$` is the end of the text; to Python's `re` it is also the place before a last line feed."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$(?=$|\))", r"\\Z", pattern), instance):
        yield ValidationError("is not of the right form")


Validator: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]  # the stubs leave it untyped
    jsonschema.Draft202012Validator, {"pattern": _whole_pattern}
)


def word(schema: Schema, data: Any, places: Places, base: Path = ()) -> Iterator[Worded]:
    """Given a schema and data that it rejects, yield every mistake, at least one.

    `places` are those of the document that the data stands in, at the path `base`.
    """
    found = False
    for error in Validator(schema).iter_errors(data):
        for worded in _worded(error, places, (*base, *error.absolute_path)):
            found = True
            yield worded
    if not found:
        # The two libraries disagree: the word of the one that decides is better than none.
        for problem in jsonschema_rs.Draft202012Validator(schema).iter_errors(data):
            path = (*base, *problem.instance_path)
            yield Worded(path, places.value_place(path), problem.message, "write what the schema describes")


def _worded(error: Any, places: Places, path: Path) -> Iterator[Worded]:
    """Yield the mistakes in one error of jsonschema; its attributes are typed too loosely to be of use."""
    keyword = str(error.validator)
    if keyword == "additionalProperties":
        for name in _extra(error.instance, error.schema):
            full = (*path, name)
            yield Worded(full, places.key_place(full), *unknown_key(name, error.schema))
        return
    about_map = keyword in ABOUT_THE_MAP and isinstance(error.instance, dict)
    if keyword in ("oneOf", "anyOf") and not about_map:
        return  # `type` complains of the same value
    if "propertyNames" in error.absolute_schema_path:
        path = (*path, error.instance)
        where, written = places.key_place(path), error.instance
    else:
        node = places.value_at(path)
        written = node.value if isinstance(node, ScalarNode) else None
        where = places.key_place(path) if about_map else places.value_place(path)
    refusal = Refusal(keyword, error.validator_value, error.instance, error.schema, written, error.message)
    wording = WORDINGS.get(keyword)
    wrong, right = wording(refusal) if wording else (error.message, "write what the schema describes")
    if keyword in ABOUT_THE_FORM:
        right = error.schema.get("x-hint", right)
    if error.schema.get("x-secret"):
        wrong = "the value is not of the right form"
    yield Worded(path, where, wrong, right, spoils=not about_map)


def _extra(value: dict[str, Any], schema: Schema) -> Iterator[str]:
    """Yield the keys that a closed map does not have."""
    patterns = [re.compile(pattern) for pattern in schema.get("patternProperties", {})]
    for name in value:
        if name not in schema.get("properties", {}) and not any(pattern.search(name) for pattern in patterns):
            yield name
