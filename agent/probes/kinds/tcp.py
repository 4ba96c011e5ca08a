"""Connects to a port, and where wanted says something and waits for an answer."""

from __future__ import annotations

import time

from agent.host.wires import Deadline, NoAnswer, Stream, connect, look_up, send
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools

MOST = 1 << 16
"""Bytes within which the answer has to be."""


class Tcp:
    """One port."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def measure(self, timeout: float) -> Measured:
        """Connect once."""
        settings, deadline, began = self._settings, Deadline(timeout), time.monotonic()
        try:
            addresses = look_up(settings["host"], settings["port"])
            sock, connecting = connect(addresses, deadline)
            with sock:
                if settings["send"] is not None:
                    send(sock, settings["send"].encode(), deadline)
                if settings["expect"] is not None:
                    _wait(Stream(sock, deadline, MOST), settings["expect"].encode())
        except NoAnswer as error:
            raise Down(str(error)) from error
        return Measured(
            given(
                {
                    "latency_seconds": time.monotonic() - began,
                    "dns_seconds": addresses.seconds,
                    "connect_seconds": connecting,
                }
            )
        )


def _wait(stream: Stream, expected: bytes) -> None:
    said = bytearray()
    while more := stream.read(4096):
        said += more
        if expected in said:
            return
    raise Down("it says something else than is wanted, and no more" if said else "it says nothing")


def connect_to(_name: str, settings: Settings, _tools: Tools) -> Tcp:
    """Return the probe."""
    return Tcp(settings)


KIND = Kind(connect=connect_to)
