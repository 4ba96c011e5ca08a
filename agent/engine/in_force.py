"""The policy set that the agent has in force, as the store keeps it: no policy file is read for it."""

from __future__ import annotations

from agent.errors import StoreError
from agent.model.policies import PolicySet
from agent.policy.fragments import load_fragment
from agent.policy.link import Signals, link
from agent.schema import Schemas
from agent.store import Store


def in_force(store: Store, signals: Signals) -> PolicySet:
    """Given a store and the known signals, return the set; an empty one if none was ever in force.

    Raises PolicyError when this agent judges otherwise than the one that put the set in force.
    """
    cached = store.fragments.all()
    return link({item.name: load_fragment(item.body, item.path, item.digest) for item in cached.values()}, signals)


def compiled(store: Store) -> dict[str, str]:
    """Given a store, return the fragments in it by the digest of a file's bytes, as far as this agent compiled them."""
    try:
        if store.facts.get("compiler") != Schemas().fingerprint():
            return {}
        return {item.digest: item.body for item in store.fragments.all().values()}
    except StoreError:
        return {}  # whoever wants to know of the damage asks the store for what only the store has
