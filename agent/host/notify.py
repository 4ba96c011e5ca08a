"""What systemd is told: ready, reloading, stopping, status, alive. The protocol of sd_notify(3)."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress


class Notifier:
    """Talks to the socket in NOTIFY_SOCKET; without one, every method does nothing. For several threads at a time.

    Its own socket stays open, so that to say something is one call to the kernel.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._interval = _interval(environ)
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            # systemd that is gone or busy must not stop or hold up the daemon.
            self._socket.setblocking(False)

    @property
    def watchdog_interval(self) -> float | None:
        """Seconds within which systemd wants a sign of life, or None when it asks this process for none."""
        return self._interval

    def ready(self) -> None:
        """The daemon is up, or up again after a reload."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """A reload that systemd asked for has begun; `ready` ends it."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._tell("STOPPING=1")

    def status(self, sentence: str) -> None:
        """Given one line for people, show it in `systemctl status`."""
        self._tell(f"STATUS={' '.join(sentence.split())}")

    def alive(self) -> None:
        """The main loop turns; send it several times in an interval."""
        self._tell("WATCHDOG=1")

    def hung(self) -> None:
        """The main loop does not turn any more: systemd need not wait until the interval is over (systemd 244)."""
        self._tell("WATCHDOG=trigger")

    def close(self) -> None:
        """Say nothing more."""
        if self._socket is not None:
            self._socket.close()

    def _tell(self, message: str) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(message.encode("utf-8", "replace"), self._address)


def _interval(environ: Mapping[str, str]) -> float | None:
    """Return WATCHDOG_USEC in seconds when it is meant for this process (WATCHDOG_PID absent or ours)."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not (usec.isascii() and usec.isdigit()) or (pid and pid != str(os.getpid())) or int(usec) == 0:
        return None
    return int(usec) / 1e6
