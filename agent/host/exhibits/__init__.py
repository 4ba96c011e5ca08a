"""What is collected of the host when an incident opens, without the secrets that can be recognised in it.

Each piece says for itself what of it could not be had.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from agent.host import tools
from agent.host.exhibits import log, network, pressure, processes, units
from agent.model.incidents import Exhibit
from agent.ports import Clock
from agent.rules.masking import mask

Collect = Callable[[], tuple[str, str]]
"""Return a text of lines, and what of it could not be had, "" for nothing. Whatever it raises is that too."""

SECONDS = tools.SECONDS + 2.0
"""So long each may take, so that one that hangs takes no other along; a tool that hangs is ended before that."""


def promptly(collect: Collect, seconds: float = SECONDS) -> Collect:
    """Given what collects, return what waits for it for so many seconds only, and then says that it did not answer."""

    def waits() -> tuple[str, str]:
        answers: list[tuple[str, str]] = []
        # One that hangs is left: the process that collects ends soon.
        thread = threading.Thread(target=lambda: answers.append(_asked(collect)), daemon=True)
        thread.start()
        thread.join(seconds)
        return answers[0] if answers else ("", f"no answer within {seconds:g} s")

    return waits


OF_HOST: tuple[tuple[str, str, Collect], ...] = (
    ("processes", "Top processes", promptly(processes.collect)),
    ("pressure", "Load, pressure, memory and disks", promptly(pressure.collect)),
    ("units", "Failed units", promptly(units.collect)),
    ("log", "Last log lines", promptly(log.collect)),
    ("network", "Network", promptly(network.collect)),
)
"""By name: the title of an exhibit, and what collects it."""


def collected(collectors: tuple[tuple[str, str, Collect], ...], clock: Clock) -> list[Exhibit]:
    """Given collectors, ask them one after the other; each instant is when its exhibit was complete."""
    found = []
    for name, title, collect in collectors:
        # Users choose the names of processes and of mounts, and a byte that is no UTF-8 could not be kept.
        text, error = (told.encode(errors="backslashreplace").decode() for told in _asked(collect))
        found.append(Exhibit(name=name, title=title, at=clock.now().timestamp(), text=mask(text), error=mask(error)))
    return found


def _asked(collect: Collect) -> tuple[str, str]:
    try:
        return collect()
    except Exception as raised:  # one that fails must not take the others along
        return "", f"{type(raised).__name__}: {raised}"
