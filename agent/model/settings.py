"""How the agent itself behaves: what `agent.yaml` says, valid and complete. Defaults live in its schema."""

from __future__ import annotations

from msgspec import Struct


class RunLimits(Struct, frozen=True, kw_only=True):
    """What every run is held to. `memory` is bytes, `nice` 0 to 19, `cpu_weight` 1 to 10000; None is no limit.

    Plain children are held to `nice` and `idle_io` alone.
    """

    nice: int
    idle_io: bool
    memory: int | None
    cpu_weight: int | None
    processes: int | None


class SampleSettings(Struct, frozen=True, kw_only=True):
    """How many seconds samples are kept raw and kept at all (0: none are kept), and of how many series at most."""

    raw: float
    kept: float
    series: int


class Settings(Struct, frozen=True):
    """Durations are seconds, sizes bytes.

    `listen` is `host:port`, `[v6]:port` or `unix:/path`; an empty text serves no metrics. `web_config` is a path
    relative to the directory of `agent.yaml`, empty for no web configuration. `timezone` is what `local`
    means in policies, or `local` itself for the host's own. `host_id` spreads jitter; empty means the machine id.
    `launcher` is `auto`, `child` or `systemd`. `incidents` is the least severity that opens one, or `never`.
    """

    listen: str
    web_config: str
    sample_every: float
    concurrency: int
    grace: float
    timezone: str
    host_id: str
    history: float
    ballast: int
    log_level: str
    launcher: str
    run_limits: RunLimits
    samples: SampleSettings
    incidents: str
