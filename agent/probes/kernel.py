"""The kernel's table of open files, and pressure stall information."""

from __future__ import annotations

import errno

from agent.model.signals import Sample
from agent.probes.group import Measured, Rates
from agent.probes.kernel_file import KernelFile


class FileDescriptors:
    """Open file descriptions of the whole host."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/sys/fs/file-nr")

    def read(self, now: float) -> Measured:
        """Return how many file descriptions are open, and their share of the kernel's limit."""
        del now
        used, _, most = map(int, self._file.read().split())
        return Measured(
            [
                Sample("file_descriptors.open", (), float(used)),
                Sample("file_descriptors.used_percent", (), 100.0 * used / most),
            ]
        )


class Pressure:
    """Shares of the time between two passes that was lost waiting; nothing on a kernel without PSI."""

    def __init__(self) -> None:
        self._files = {name: KernelFile(f"/proc/pressure/{name}") for name in ("cpu", "memory", "io")}
        self._rates = Rates[str]()

    def read(self, now: float) -> Measured:
        """Return the shares by resource."""
        counters: dict[str, tuple[float, ...]] = {}
        for resource, file in self._files.items():
            try:
                stalled = parse_pressure(file.text())
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
                    continue
                raise
            if resource == "cpu":
                stalled.pop("full", None)  # the kernel reports it as 0 for the host as a whole
            # The totals count microseconds; 1/10,000 of them per second is a percentage.
            counters |= {f"pressure.{resource}.{kind}_percent": (total / 1e4,) for kind, total in stalled.items()}
        shares = self._rates.per_second(counters, now)
        return Measured([Sample(name, (), min(100.0, share)) for name, (share,) in shares.items()])


def parse_pressure(text: str) -> dict[str, int]:
    """Given a file of /proc/pressure, return the stalled microseconds by kind (`some`, `full`)."""
    stalled = {}
    for line in text.splitlines():
        kind, _, fields = line.partition(" ")
        stalled[kind] = int(fields.rpartition("total=")[2])
    return stalled
