"""Sends echo requests: which share is lost, and how long answers take."""

from __future__ import annotations

import socket

from agent.host.icmp import echo
from agent.host.wires import Deadline, NoAnswer, look_up
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools


class Ping:
    """One host."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def measure(self, timeout: float) -> Measured:
        """Send `count` requests, and wait for their answers."""
        count = self._settings["count"]
        try:
            addresses = look_up(self._settings["host"], 0, socket.SOCK_DGRAM)
            # All are sent in the first half, so that the last one has time to be answered.
            found = echo(addresses, count, min(0.2, timeout / 2 / count), Deadline(timeout))
        except NoAnswer as error:
            raise Down(str(error)) from error
        lost = given({"loss_percent": 100.0 * (found.sent - len(found.seconds)) / found.sent})
        if not found.seconds:
            raise Down("no answer", lost)
        times = found.seconds
        return Measured(
            [
                *lost,
                *given(
                    {
                        "rtt_seconds": sum(times) / len(times),
                        "rtt_min_seconds": min(times),
                        "rtt_max_seconds": max(times),
                    }
                ),
            ]
        )


def connect_to(_name: str, settings: Settings, _tools: Tools) -> Ping:
    """Return the probe."""
    return Ping(settings)


KIND = Kind(connect=connect_to)
