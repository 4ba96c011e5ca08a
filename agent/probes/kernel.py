"""The kernel's table of open files, and pressure stall information."""

from __future__ import annotations

import errno

from agent.model.samples import Samples
from agent.probes.group import Measured, Meters
from agent.probes.kernel_file import KernelFile

_DESCRIPTORS = tuple((f"file_descriptors.{name}", ()) for name in ("open", "used_percent"))


class FileDescriptors:
    """Open file descriptions of the whole host."""

    def __init__(self) -> None:
        self._file = KernelFile("/proc/sys/fs/file-nr")

    def read(self, now: float) -> Measured:
        """Return how many file descriptions are open, and their share of the kernel's limit."""
        del now
        used, _, most = self._file.read().split()
        return Measured(Samples(_DESCRIPTORS, (float(used), 100.0 * int(used) / int(most))))


class Pressure:
    """Shares of the time between two passes that was lost waiting; nothing on a kernel without PSI."""

    def __init__(self) -> None:
        self._files = {name: KernelFile(f"/proc/pressure/{name}") for name in ("cpu", "memory", "io")}
        self._meters = Meters(lambda name: ((f"pressure.{name}_percent", ()),))

    def read(self, now: float) -> Measured:
        """Return the shares by resource."""
        names: list[str] = []
        counters: list[float] = []
        for resource, file in self._files.items():
            try:
                stalled = parse_pressure(file.text())
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
                    continue
                raise
            for kind, total in stalled.items():
                # The kernel reports "full" of the processor as 0 for the host as a whole.
                if kind == "some" or resource != "cpu":
                    names.append(f"{resource}.{kind}")
                    # The totals count microseconds; 1/10,000 of them per second is a percentage.
                    counters.append(total / 1e4)
        shares = self._meters.rates(names, counters, now)
        return Measured(Samples(shares.keys, [min(100.0, share) for share in shares.values]))


def parse_pressure(text: str) -> dict[str, int]:
    """Given a file of /proc/pressure, return the stalled microseconds by kind (`some`, `full`)."""
    return {line[:4]: int(line[line.rindex("=") + 1 :]) for line in text.splitlines()}
