"""What the agent has in force, as the store keeps it: no file is read for it."""

from __future__ import annotations

import os

from agent.model.policies import PolicySet
from agent.model.settings import Settings
from agent.policy.fragments import load_fragment
from agent.policy.link import Signals, link
from agent.policy.scan import signature_of
from agent.policy.settings import settings_from
from agent.policy.trust import distrust_of
from agent.store import Store

PROBES = "probes"
"""The fact of the store that says which probes give an error: by name, since when and which."""

SETTINGS = "settings"
"""The fact of the store that holds the settings."""


def in_force(store: Store, signals: Signals) -> PolicySet:
    """Given a store and the known signals, return the set; an empty one if none was ever in force.

    Raises PolicyError when this agent judges otherwise than the one that put the set in force.
    """
    cached = store.fragments.all()
    return link({item.name: load_fragment(item.body, item.path, item.digest) for item in cached.values()}, signals)


def compiled(store: Store, compiler: str) -> dict[str, str]:
    """Given a store and the fingerprint of the compiler, return by the digest of a file's bytes what it made of it."""
    if store.facts.get("compiler") != compiler:
        return {}
    return {item.digest: item.body for item in store.fragments.all().values()}


def settings_in_force(store: Store, path: str, compiler: str) -> Settings | None:
    """Given the path of agent.yaml, return the settings if the agent has read it as it is, or else None."""
    kept = store.facts.get(SETTINGS)
    try:
        if not isinstance(kept, dict) or kept["key"] != settings_key(path, compiler):
            return None
        # Who may change a directory above leaves no trace in the file.
        if os.geteuid() == 0 and distrust_of(path):
            return None
    except OSError:
        return None
    return settings_from(kept["values"])


def settings_outdated(store: Store, path: str, compiler: str) -> bool:
    """Given the path of agent.yaml, tell whether the file is another one than the agent was last started with."""
    kept = store.facts.get(SETTINGS)
    try:
        return not isinstance(kept, dict) or kept["key"] != settings_key(path, compiler)
    except FileNotFoundError:
        return kept is not None
    except OSError:
        return True


def settings_key(path: str, compiler: str) -> list[str]:
    """Given a file, return what the settings in it are kept under in the store. Raises OSError."""
    return [os.path.abspath(path), signature_of(os.stat(path)), compiler]
