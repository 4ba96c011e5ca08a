"""Leave behind what an earlier agent had compiled: a compiler per start is a third of what a short trial costs."""

from __future__ import annotations

import hashlib

from agent.engine.in_force import SETTINGS, settings_key
from agent.policy.compile import Compiler
from agent.policy.scan import signature_of
from agent.registry import names
from agent.schema import Schemas
from agent.store import Store
from agent.store.records import CachedFragment
from tests.system.agent import AgentUnderTest


def leave_compiled(agent: AgentUnderTest) -> None:
    """Write the agent's settings and policies, as its files are now, into its store as those in force."""
    schemas = Schemas()
    compiler, fingerprint = Compiler(schemas, names()), schemas.fingerprint()
    fragments = []
    for path in sorted(agent.policies.iterdir()):
        data = path.read_bytes()
        text = compiler.policy(data, str(path)).fragment()
        digest = hashlib.sha256(data).hexdigest()
        fragments.append(CachedFragment(path.name, str(path), signature_of(path.stat()), digest, text))
    config = str(agent.config)
    with Store(str(agent.state)) as store:
        store.fragments.update(fragments, [])
        store.facts.set("compiler", fingerprint)
        store.facts.set(
            SETTINGS,
            {
                "key": settings_key(config, fingerprint),
                "values": compiler.settings(agent.config.read_bytes(), config),
            },
        )
