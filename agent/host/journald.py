"""Log records for systemd's journal, with their fields, by its native protocol.

Source: systemd, docs/JOURNAL_NATIVE_PROTOCOL.md. Unlike text on standard error, an entry keeps its lines together, has
a priority, and can be searched by what it is about: `journalctl HOSTKEEPER_TASK=clean-tmp`.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import struct
from collections.abc import Mapping

from agent.host.loglines import Plain

SOCKET = "/run/systemd/journal/socket"
FIELDS = "fields"
"""The attribute of a log record that holds its fields, as `about` makes them."""

_LEVELS = ((logging.CRITICAL, "2"), (logging.ERROR, "3"), (logging.WARNING, "4"), (logging.INFO, "6"))
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


def about(
    *, task: str = "", run: int | None = None, step: str = "", outcome: str = "", reason: str = "", event: str = ""
) -> dict[str, dict[str, str]]:
    """Return the `extra` of a log call: what the record is about. `event` is an id of 128 bits for its kind."""
    fields = {
        "HOSTKEEPER_TASK": task,
        "HOSTKEEPER_RUN": "" if run is None else str(run),
        "HOSTKEEPER_STEP": step,
        "HOSTKEEPER_OUTCOME": outcome,
        "HOSTKEEPER_REASON": reason,
        "MESSAGE_ID": event,
    }
    return {FIELDS: {name: value for name, value in fields.items() if value}}


def is_journal(descriptor: int, environ: Mapping[str, str] = os.environ) -> bool:
    """Given a descriptor, tell whether what is written there goes to the journal, as JOURNAL_STREAM says."""
    device, _, inode = environ.get("JOURNAL_STREAM", "").partition(":")
    try:
        seen = os.fstat(descriptor)
    except OSError:
        return False
    return (device, inode) == (str(seen.st_dev), str(seen.st_ino))


class JournalHandler(logging.Handler):
    """Sends records to the journal and never waits for it: what it does not take at once is counted, and told later."""

    def __init__(self, address: str = SOCKET) -> None:
        # Imported by those who write to the journal: every run has this module, and few of them such a socket.
        import socket  # noqa: PLC0415

        super().__init__()
        self.setFormatter(Plain("%(message)s", kept="\n\t"))
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        self._passing = (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            text = self.format(record)
        except Exception:  # a record that cannot be worded must not stop what it tells of
            self.handleError(record)
            return
        lost = f" ({self._lost} log records before this were lost: the journal did not take them)" if self._lost else ""
        fields = {
            "MESSAGE": text + lost,
            "PRIORITY": next((priority for level, priority in _LEVELS if record.levelno >= level), "7"),
            "SYSLOG_IDENTIFIER": "hostkeeper",
            "LOGGER": record.name,
            **getattr(record, FIELDS, {}),
        }
        if self._send(b"".join(_encoded(name, value) for name, value in fields.items())):
            self._lost = 0
        else:
            self._lost += 1

    def _send(self, datagram: bytes) -> bool:
        try:
            self._socket.sendto(datagram, self._address)
        except OSError as error:
            return error.errno == errno.EMSGSIZE and self._send_as_file(datagram)
        return True

    def _send_as_file(self, datagram: bytes) -> bool:
        """Send what is too large for a datagram as a sealed file in memory."""
        try:
            file = os.memfd_create("journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        except OSError:
            return False
        try:
            os.truncate(file, len(datagram))
            os.pwrite(file, datagram, 0)
            fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
            rights = (*self._passing, struct.pack("i", file))
            self._socket.sendmsg([b""], [rights], 0, self._address)
        except OSError:
            return False
        finally:
            os.close(file)
        return True

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
        super().close()


def _encoded(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "backslashreplace")
    if b"\n" not in data:
        return b"%s=%s\n" % (name.encode("ascii"), data)
    return b"%s\n%s%s\n" % (name.encode("ascii"), struct.pack("<Q", len(data)), data)
