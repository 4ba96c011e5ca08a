"""What a kind of probe is: the signals it gives, and how one probe of it measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from msgspec import Struct

from agent.host.asides import Asides
from agent.ports import Clock
from agent.probes.group import Measured

Settings = Mapping[str, Any]
"""What a policy says below the kind of a probe: durations as seconds, sizes as bytes, every default filled."""


class Tools(Struct, frozen=True, kw_only=True):
    """What probes measure with. `stop` says that the measurement has passed its timeout or is no longer wanted.

    `scratch` is a directory of the probe's own, mode 0700, that stays from measurement to measurement.
    """

    processes: Asides
    clock: Clock
    stop: Callable[[], bool]
    scratch: str


class Source(Protocol):
    """One probe at work. It is asked by one thread at a time, and may remember what it saw before."""

    def measure(self, timeout: float) -> Measured:
        """Measure once within `timeout` seconds, and return samples, an error, or neither where there is no data.

        The signals of the samples are named without the probe (`latency_seconds`); whoever asked puts its name before
        them. An answer that cannot be trusted is an error and never a number. Whatever is raised is an error too.
        """
        ...


Connect = Callable[[str, Settings, Tools], Source]
"""Given the name of a probe, its settings and tools, return it; nothing is contacted yet."""


class Kind(Struct, frozen=True, kw_only=True):
    """A kind of probe, as the module `agent.probes.kinds.<kind>` exposes it under `KIND`."""

    connect: Connect
