"""Block devices and network interfaces: counters of the kernel as rates between two passes."""

from __future__ import annotations

import os
import re

from agent.probes.group import Measured, Rates, bounded, samples_of
from agent.probes.kernel_file import KernelFile

# Memory dressed as disks, removable readers, and the virtual ends of containers and tunnels: many, and short-lived.
_PASSED_OVER_DEVICES = re.compile(r"(loop|ram|zram|fd|sr|nbd)\d+")
_PASSED_OVER_INTERFACES = re.compile(r"lo|(veth|cali|lxc|vnet|tap|ifb|dummy).*")

_SECTOR_BYTES = 512
"""The unit of /proc/diskstats, whatever the device's own is."""

_IO_NAMES = (
    "read_bytes_per_second",
    "written_bytes_per_second",
    "reads_per_second",
    "writes_per_second",
    "busy_percent",
)
_NETWORK_NAMES = (
    "received_bytes_per_second",
    "sent_bytes_per_second",
    "received_packets_per_second",
    "sent_packets_per_second",
    "receive_errors_per_second",
    "send_errors_per_second",
    "receive_drops_per_second",
    "send_drops_per_second",
)
# Which columns of /proc/net/dev these are.
_NETWORK_COLUMNS = (0, 8, 1, 9, 2, 10, 3, 11)


class DiskIo:
    """Whole block devices; a partition is measured when it is asked for by name."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._file = KernelFile("/proc/diskstats")
        self._rates = Rates[str]()
        self._by_default: dict[str, bool] = {}

    def read(self, now: float) -> Measured:
        """Return bytes, operations and busy time per second for each device."""
        rows = {name: row for row in self._file.text().splitlines() for name in row.split()[2:3]}
        if rows.keys() != self._by_default.keys():
            whole = os.listdir("/sys/block")
            self._by_default = {d: d in whole and not _PASSED_OVER_DEVICES.fullmatch(d) for d in rows}
        wanted = (d for d, by_default in self._by_default.items() if by_default or d in self.asked)
        names, error = bounded(wanted, self.asked, "block devices")
        counters = {name: parse_device(rows[name]) for name in names}
        return Measured(samples_of("disk_io", "device", _IO_NAMES, self._rates.per_second(counters, now)), error)


def parse_device(row: str) -> tuple[float, ...]:
    """Given a line of /proc/diskstats, return bytes read and written, reads, writes, and hundredths of busy seconds."""
    fields = row.split()
    reads, sectors_read, writes, sectors_written, busy = (int(fields[column]) for column in (3, 5, 7, 9, 12))
    return sectors_read * _SECTOR_BYTES, sectors_written * _SECTOR_BYTES, reads, writes, busy / 10


class Network:
    """Network interfaces; loopback and the virtual ends of containers are measured when asked for by name."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._file = KernelFile("/proc/net/dev")
        self._rates = Rates[str]()

    def read(self, now: float) -> Measured:
        """Return bytes, packets, errors and drops per second for each interface."""
        rows = parse_interfaces(self._file.text())
        wanted = (i for i in rows if i in self.asked or not _PASSED_OVER_INTERFACES.fullmatch(i))
        names, error = bounded(wanted, self.asked, "network interfaces")
        counters = {}
        for name in names:
            columns = rows[name].split()
            counters[name] = tuple(float(columns[column]) for column in _NETWORK_COLUMNS)
        return Measured(
            samples_of("network", "interface", _NETWORK_NAMES, self._rates.per_second(counters, now)), error
        )


def parse_interfaces(table: str) -> dict[str, str]:
    """Given the text of /proc/net/dev, return by interface its columns of numbers; a name may hold a colon itself."""
    rows = {}
    for line in table.splitlines()[2:]:
        name, _, columns = line.rpartition(":")
        rows[name.strip()] = columns
    return rows
