"""The kernel's table of open files, and pressure stall information."""

from __future__ import annotations

import errno
from itertools import repeat

from agent.model.samples import Samples
from agent.probes.group import Measured, Meters
from agent.probes.kernel_file import KernelFile

# What stands in each file of /proc/pressure, line by line. What the kernel says of "full" for the processor of the host
# as a whole is always 0.
_STALLS = {"cpu": ["cpu.some"], "memory": ["memory.some", "memory.full"], "io": ["io.some", "io.full"]}

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
        self._files = [(names, KernelFile(f"/proc/pressure/{resource}")) for resource, names in _STALLS.items()]
        self._meters = Meters(lambda name: ((f"pressure.{name}_percent", ()),))

    def read(self, now: float) -> Measured:
        """Return the shares by resource."""
        names: list[str] = []
        counters: list[float] = []
        for stalls, file in self._files:
            try:
                lines = file.read().splitlines()
            except OSError as error:
                if error.errno in (errno.ENOENT, errno.EOPNOTSUPP):
                    continue
                raise
            names += stalls
            for _, line in zip(stalls, lines, strict=False):
                # The totals count microseconds; 1/10,000 of them per second is a percentage.
                counters.append(parse_stalled(line) / 1e4)
        shares = self._meters.rates(names, counters, now)
        return Measured(Samples(shares.keys, list(map(min, shares.values, repeat(100.0)))))


def parse_stalled(line: bytes) -> int:
    """Given a line of a file of /proc/pressure, return the stalled microseconds."""
    return int(line[line.rindex(b"=") + 1 :])
