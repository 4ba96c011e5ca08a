"""What is collected of the host when an incident opens, without the secrets that can be recognised in it.

Each piece says for itself what of it could not be had.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.host.exhibits import log, network, pressure, processes, units
from agent.model.incidents import Exhibit
from agent.ports import Clock
from agent.rules.masking import mask

Collect = Callable[[], tuple[str, str]]
"""Return a text of lines, and what of it could not be had, "" for nothing. Whatever it raises is that too."""

OF_HOST: tuple[tuple[str, str, Collect], ...] = (
    ("processes", "Top processes", processes.collect),
    ("pressure", "Load, pressure, memory and disks", pressure.collect),
    ("units", "Failed units", units.collect),
    ("log", "Last log lines", log.collect),
    ("network", "Network", network.collect),
)
"""By name: the title of an exhibit, and what collects it."""


def collected(collectors: tuple[tuple[str, str, Collect], ...], clock: Clock) -> list[Exhibit]:
    """Given collectors, ask them one after the other; each instant is when its exhibit was complete."""
    found = []
    for name, title, collect in collectors:
        try:
            text, error = collect()
        except Exception as raised:  # one that fails must not take the others along
            text, error = "", f"{type(raised).__name__}: {raised}"
        found.append(Exhibit(name=name, title=title, at=clock.now().timestamp(), text=mask(text), error=error))
    return found
