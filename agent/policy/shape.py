"""Data against the schemas: accepted fast by jsonschema-rs. What it rejects is worded by `agent.policy.wording`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

import jsonschema_rs

from agent.policy.normalise import Plan, plan_of
from agent.policy.references import Marks, marks_of
from agent.schema import Schema, Schemas


class Shape(NamedTuple):
    """A schema ready for use: it accepts or rejects, and knows how to normalise what it accepts.

    `marks` says where values name things of the policy set, None for nowhere.
    """

    schema: Schema
    validator: jsonschema_rs.Draft202012Validator
    plan: Plan
    marks: Marks | None

    def accepts(self, value: Any) -> bool:
        """Say whether the value is as the schema wants it."""
        return self.validator.is_valid(value)


def shape_of(schema: Schema) -> Shape:
    """Given a schema, make it ready."""
    return Shape(schema, jsonschema_rs.Draft202012Validator(schema), plan_of(schema), marks_of(schema))


class Shapes:
    """The shapes of policies, settings and actions, each made ready when it is first needed.

    `actions` are the names that a policy may use; without it, every action that has a schema.
    """

    def __init__(self, schemas: Schemas, actions: Collection[str] | None = None) -> None:
        self._schemas = schemas
        self.actions = frozenset(schemas.action_names() if actions is None else actions)
        self._ready: dict[str, Shape] = {}

    def policy(self) -> Shape:
        """Return the shape of a policy file."""
        return self._ready.get("") or self._keep("", self._schemas.policy())

    def settings(self) -> Shape:
        """Return the shape of agent.yaml."""
        return shape_of(self._schemas.settings())

    def web(self) -> Shape:
        """Return the shape of a web configuration."""
        return shape_of(self._schemas.web())

    def action(self, name: str) -> Shape:
        """Given the name of one of `actions`, return the shape of its options."""
        return self._ready.get(name) or self._keep(name, self._schemas.action(name))

    def marks(self, action: str) -> Marks | None:
        """Given the name of an action, known or not, return where names stand in its options, None for nowhere."""
        return self.action(action).marks if action in self.actions else None

    def _keep(self, name: str, schema: Schema) -> Shape:
        self._ready[name] = shape_of(schema)
        return self._ready[name]
