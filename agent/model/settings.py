"""How the agent itself behaves: what `agent.yaml` says, valid and complete. Defaults live in its schema."""

from __future__ import annotations

from msgspec import Struct


class Settings(Struct, frozen=True):
    """Durations are seconds, sizes bytes.

    `listen` is `host:port`, `[v6]:port` or `unix:/path`; an empty text serves no metrics. `timezone` is what `local`
    means in policies, or `local` itself for the host's own. `host_id` spreads jitter; empty means the machine id.
    """

    listen: str
    sample_every: float
    concurrency: int
    grace: float
    timezone: str
    host_id: str
    history: float
    ballast: int
    log_level: str
