"""From valid data as written to data as meant: defaults filled in, quantities as numbers.

What to do is read from a schema once (`plan_of`) and applied to many values (`normalise`). The plan knows `properties`,
`items`, `additionalProperties`, `default` and our own keywords: `x-quantity` (`duration` to seconds, `size` to bytes,
`percent` to a number), `x-minimum` and `x-maximum` (quantities as text), and `x-text-is` (a text stands for a map with
this one key). Defaults behind `if`, `anyOf` and their like are not filled.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from agent.rules import quantities
from agent.rules.quantities import QuantityError
from agent.schema import Schema, resolve

Path = tuple[str | int, ...]
Complaint = tuple[Path, str, str]
"""Where, what is wrong, what would be right."""


class Plan(Struct):
    """What is to be done with a value; a member that is None, False or empty asks for nothing."""

    quantity: str | None = None
    minimum: tuple[float, str] | None = None
    maximum: tuple[float, str] | None = None
    whole: bool = False
    text_is: str | None = None
    properties: dict[str, Plan] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    items: Plan | None = None
    others: Plan | None = None
    read: dict[str, float] = field(default_factory=dict)
    """Quantities that were read and found good: in many files they are the same few."""

    def asks_for_something(self) -> bool:
        """Say whether any value could come out changed or complained of."""
        return bool(
            self.quantity or self.whole or self.text_is or self.properties or self.defaults or self.items or self.others
        )


def plan_of(schema: Schema, whole: Schema | None = None) -> Plan:
    """Given a schema (and the file it stands in, for its references), return the plan for its values."""
    whole = schema if whole is None else whole
    schema = resolve(schema, whole)
    kinds = schema.get("type")
    plan = Plan(
        quantity=schema.get("x-quantity"),
        whole="integer" in (kinds if isinstance(kinds, list) else [kinds]) and "x-quantity" not in schema,
        text_is=schema.get("x-text-is"),
        items=_useful(schema.get("items"), whole),
        others=_useful(schema.get("additionalProperties"), whole),
    )
    if plan.quantity:
        plan.minimum = _bound(plan.quantity, schema.get("x-minimum"))
        plan.maximum = _bound(plan.quantity, schema.get("x-maximum"))
    for name, member in schema.get("properties", {}).items():
        below = plan_of(member, whole)
        if below.asks_for_something():
            plan.properties[name] = below
        resolved = resolve(member, whole)
        if "default" in resolved:
            plan.defaults[name] = normalise(below, resolved["default"], [])
    return plan


def _useful(schema: Schema | bool | None, whole: Schema) -> Plan | None:
    if not isinstance(schema, dict):
        return None
    plan = plan_of(schema, whole)
    return plan if plan.asks_for_something() else None


def _bound(kind: str, text: str | None) -> tuple[float, str] | None:
    return None if text is None else (quantities.parse(kind, text), text)


def normalise(plan: Plan, value: Any, complaints: list[Complaint], path: Path = ()) -> Any:
    """Given a value that its schema accepts, return it as meant, and add what is wrong with its quantities.

    Nothing is changed in place; defaults are shared between results, so results are for reading only.
    """
    if isinstance(value, dict):
        value = _map(plan, value, complaints, path)
    elif isinstance(value, list):
        below = plan.items
        if below is not None:
            value = [normalise(below, item, complaints, (*path, index)) for index, item in enumerate(value)]
    elif plan.quantity:
        value = _quantity(plan, value, complaints, path)
    elif plan.text_is and isinstance(value, str):
        value = {**plan.defaults, plan.text_is: value}
    elif plan.whole and isinstance(value, float):
        value = int(value)
    return value


def _map(plan: Plan, value: dict[str, Any], complaints: list[Complaint], path: Path) -> dict[str, Any]:
    found = {**plan.defaults, **value}
    properties, others = plan.properties, plan.others
    for name, item in value.items():
        below = properties.get(name, others)
        if below is None:
            continue
        if item.__class__ is str and (known := below.read.get(item)) is not None:
            found[name] = known
        elif item.__class__ is dict:
            found[name] = _map(below, item, complaints, (*path, name))
        else:
            found[name] = normalise(below, item, complaints, (*path, name))
    return found


def _quantity(plan: Plan, value: Any, complaints: list[Complaint], path: Path) -> Any:
    """Return the number that a text means, or the number that stands there, within the plan's bounds."""
    if value is None or plan.quantity is None:
        return value
    text = str(value)
    try:
        number = quantities.parse(plan.quantity, text) if isinstance(value, str) else value
    except QuantityError as error:
        complaints.append((path, error.wrong, error.right))
        return value
    if plan.minimum and number < plan.minimum[0]:
        complaints.append((path, f"{text} is too small", f"give at least {plan.minimum[1]}"))
    elif plan.maximum and number > plan.maximum[0]:
        complaints.append((path, f"{text} is too large", f"give at most {plan.maximum[1]}"))
    elif isinstance(value, str):
        plan.read[value] = number
    return number
