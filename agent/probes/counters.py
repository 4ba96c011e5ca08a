"""Block devices and network interfaces: counters of the kernel as rates between two passes."""

from __future__ import annotations

import os
import re

import psutil

from agent.probes.group import Measured, Rates, bounded, samples_of

# Memory dressed as disks, removable readers, and the virtual ends of containers and tunnels: many, and short-lived.
_PASSED_OVER_DEVICES = re.compile(r"(loop|ram|zram|fd|sr|nbd)\d+")
_PASSED_OVER_INTERFACES = re.compile(r"lo|(veth|cali|lxc|vnet|tap|ifb|dummy).*")

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


class DiskIo:
    """Whole block devices; a partition is measured when it is asked for by name."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._rates = Rates[str]()
        self._whole: dict[str, bool] = {}

    def read(self, now: float) -> Measured:
        """Return bytes, operations and busy time per second for each device."""
        found = psutil.disk_io_counters(perdisk=True, nowrap=False)
        if found.keys() != self._whole.keys():
            whole = os.listdir("/sys/block")
            self._whole = {d: d in whole and not _PASSED_OVER_DEVICES.fullmatch(d) for d in found}
        names, error = bounded((d for d in found if d in self.asked or self._whole[d]), self.asked, "block devices")
        counters = {}
        for name in names:
            c = found[name]
            # busy_time counts milliseconds; a tenth of it per second is a percentage.
            counters[name] = (c.read_bytes, c.write_bytes, c.read_count, c.write_count, c.busy_time / 10)
        return Measured(samples_of("disk_io", "device", _IO_NAMES, self._rates.per_second(counters, now)), error)


class Network:
    """Network interfaces; loopback and the virtual ends of containers are measured when asked for by name."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._rates = Rates[str]()

    def read(self, now: float) -> Measured:
        """Return bytes, packets, errors and drops per second for each interface."""
        found = psutil.net_io_counters(pernic=True, nowrap=False)
        wanted = (i for i in found if i in self.asked or not _PASSED_OVER_INTERFACES.fullmatch(i))
        names, error = bounded(wanted, self.asked, "network interfaces")
        counters = {}
        for name in names:
            c = found[name]
            counters[name] = (
                *(c.bytes_recv, c.bytes_sent, c.packets_recv, c.packets_sent),
                *(c.errin, c.errout, c.dropin, c.dropout),
            )
        return Measured(
            samples_of("network", "interface", _NETWORK_NAMES, self._rates.per_second(counters, now)), error
        )
