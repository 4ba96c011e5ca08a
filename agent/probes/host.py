"""The host as a probe: one pass over all groups of signals that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.model.samples import Key, Samples, in_rows
from agent.model.signals import Sampling
from agent.probes.counters import DiskIo, Network
from agent.probes.cpu import Cpu, Load, read_uptime
from agent.probes.disks import Disks
from agent.probes.group import Read
from agent.probes.kernel import FileDescriptors, Pressure
from agent.probes.memory import Memory
from agent.probes.processes import Processes
from agent.probes.temperatures import Temperatures
from agent.probes.wanted import Wanted


class HostProbe:
    """Measures this host. `monotonic` returns seconds that never step; rates are taken between two passes.

    `instead` replaces how groups are measured.
    """

    def __init__(
        self,
        monotonic: Callable[[], float],
        wanted: Wanted | None = None,
        instead: Mapping[str, Read] | None = None,
    ) -> None:
        self._monotonic = monotonic
        self._disks, self._disk_io, self._network, self._memory = Disks(), DiskIo(), Network(), Memory()
        load = Load()
        self._processes, self._temperatures = Processes(load.newest), Temperatures()
        self._groups: dict[str, Read] = {
            "cpu": Cpu().read,
            "load": load.read,
            "memory": self._memory.read,
            "swap": self._memory.read_swap,
            "disk": self._disks.read,
            "disk_io": self._disk_io.read,
            "network": self._network.read,
            "process": self._processes.read,
            "file_descriptors": FileDescriptors().read,
            "pressure": Pressure().read,
            "uptime": read_uptime,
            "temperature": self._temperatures.read,
            **(instead or {}),
        }
        self._read: list[tuple[str, Read]] = []
        self._parts: list[tuple[Key, ...]] = []
        self._keys: tuple[Key, ...] = ()
        self.want(wanted or Wanted())

    def want(self, wanted: Wanted) -> None:
        """Given what thresholds ask for, measure that from the next pass on; rates go on without a break."""
        self._read = [(group, read) for group, read in self._groups.items() if group in wanted.groups]
        self._disks.asked = wanted.mountpoints
        self._disk_io.asked = wanted.devices
        self._network.asked = wanted.interfaces
        self._processes.ask(wanted.processes)
        self._temperatures.asked = wanted.sensors

    def sample(self) -> Sampling:
        """Return one pass over the wanted groups; a group that could not be measured has a sentence in `errors`."""
        now = self._monotonic()
        parts: list[tuple[Key, ...]] = []
        values: list[float] = []
        errors: dict[str, str] = {}
        for group, read in self._read:
            try:
                found = read(now)
            except Exception as error:  # whatever a group stumbles over, the others are still measured
                errors[group] = f"{type(error).__name__}: {error}"
                continue
            rows = in_rows(found.samples)
            parts.append(rows.keys)
            values += rows.values
            if found.error:
                errors[group] = found.error
        if parts != self._parts:
            self._parts, self._keys = parts, tuple([key for part in parts for key in part])
        return Sampling(Samples(self._keys, values), errors)
