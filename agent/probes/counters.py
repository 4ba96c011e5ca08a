"""Block devices and network interfaces: counters of the kernel as rates between two passes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from operator import itemgetter

from agent.probes.group import Measured, Meters, bounded, labelled
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
_network_columns = itemgetter(0, 8, 1, 9, 2, 10, 3, 11)


class _Choice:
    """Which of the series found are measured. It is made when others are found or asked for than before.

    `by_default` returns those that are measured without being asked for.
    """

    def __init__(self, what: str, by_default: Callable[[Iterable[str]], set[str]]) -> None:
        self._what = what
        self._by_default = by_default
        self._found: AbstractSet[str] = frozenset()
        self._asked: frozenset[str] = frozenset()
        self._chosen: tuple[list[str], str] = ([], "")

    def among(self, found: AbstractSet[str], asked: frozenset[str]) -> tuple[list[str], str]:
        """Given the names found and those asked for, return the names to measure, and what was left out."""
        if found != self._found or asked != self._asked:
            self._found, self._asked = frozenset(found), asked
            self._chosen = bounded(self._by_default(found) | (asked & found), asked, self._what)
        return self._chosen


class DiskIo:
    """Whole block devices; a partition is measured when it is asked for by name."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._file = KernelFile("/proc/diskstats")
        self._choice = _Choice("block devices", _whole_devices)
        self._meters = Meters(labelled("disk_io", "device", _IO_NAMES))

    def read(self, now: float) -> Measured:
        """Return bytes, operations and busy time per second for each device."""
        rows = {}
        for row in filter(None, self._file.text().split("\n")):
            rows[row.split(None, 3)[2]] = row
        names, error = self._choice.among(rows.keys(), self.asked)
        counters: list[float] = []
        for name in names:
            counters += parse_device(rows[name])
        return Measured(self._meters.rates(names, counters, now), error)


def _whole_devices(found: Iterable[str]) -> set[str]:
    whole = os.listdir("/sys/block")
    return {device for device in found if device in whole and not _PASSED_OVER_DEVICES.fullmatch(device)}


def parse_device(row: str) -> tuple[float, ...]:
    """Given a line of /proc/diskstats, return bytes read and written, reads, writes, and hundredths of busy seconds."""
    fields = row.split(None, 13)
    return (
        int(fields[5]) * _SECTOR_BYTES,
        int(fields[9]) * _SECTOR_BYTES,
        int(fields[3]),
        int(fields[7]),
        int(fields[12]) / 10,
    )


class Network:
    """Network interfaces; loopback and the virtual ends of containers are measured when asked for by name."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._file = KernelFile("/proc/net/dev")
        self._choice = _Choice("network interfaces", _real_interfaces)
        self._meters = Meters(labelled("network", "interface", _NETWORK_NAMES))

    def read(self, now: float) -> Measured:
        """Return bytes, packets, errors and drops per second for each interface."""
        rows = parse_interfaces(self._file.text())
        names, error = self._choice.among(rows.keys(), self.asked)
        counters: list[float] = []
        for name in names:
            counters += map(int, _network_columns(rows[name].split()))
        return Measured(self._meters.rates(names, counters, now), error)


def _real_interfaces(found: Iterable[str]) -> set[str]:
    return {interface for interface in found if not _PASSED_OVER_INTERFACES.fullmatch(interface)}


def parse_interfaces(table: str) -> dict[str, str]:
    """Given the text of /proc/net/dev, return by interface its columns of numbers; a name may hold a colon itself."""
    rows = {}
    for line in filter(None, table.split("\n")[2:]):
        name, _, columns = line.rpartition(":")
        rows[name.strip()] = columns
    return rows
