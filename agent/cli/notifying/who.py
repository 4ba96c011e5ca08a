"""The notifier that an argument names."""

from __future__ import annotations

from agent.errors import NotFound
from agent.model.policies import Notifier, PolicySet
from agent.policy.nearest import suggest


def notifier_named(policies: PolicySet, name: str) -> Notifier:
    """Given the name of a notifier, return it. Raises NotFound with the nearest name."""
    if name not in policies.notifiers:
        raise NotFound(f"there is no notifier {name!r}: {suggest(name, policies.notifiers, 'notifiers')}")
    return policies.notifiers[name]
