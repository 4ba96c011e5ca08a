"""The signals of the host: names, meanings, units and labels. Light to import: it measures nothing.

A name is `<group>.<what>[_<unit>]`. One group is read as a whole, and fails as a whole. Percentages run from 0 to
100 (of one processor for `process.cpu_percent`). Rates cover the time since the previous pass, so they have no
number on the first pass, nor after a counter went backwards.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.signals import SignalSpec


def group_of(signal: str) -> str:
    """Given the name of a signal, return the group it is measured with: the key of `Sampling.errors`."""
    return signal.partition(".")[0]


def _specs(
    labels: tuple[str, ...], rows: tuple[tuple[str, str, str], ...], *, required: bool = False
) -> list[SignalSpec]:
    return [SignalSpec(name, text, unit, labels, labels if required else ()) for name, unit, text in rows]


_ALL = [
    *_specs(
        (),
        (
            ("cpu.used_percent", "percent", "Share of processor time not idle and not waiting for I/O."),
            ("cpu.user_percent", "percent", "Share of processor time in user mode."),
            ("cpu.system_percent", "percent", "Share of processor time in the kernel, interrupts included."),
            ("cpu.iowait_percent", "percent", "Share of processor time idle while I/O was outstanding."),
            ("cpu.steal_percent", "percent", "Share of processor time taken by the hypervisor for others."),
            ("load.1m", "", "Runnable and uninterruptible tasks, averaged over one minute."),
            ("load.5m", "", "Runnable and uninterruptible tasks, averaged over five minutes."),
            ("load.15m", "", "Runnable and uninterruptible tasks, averaged over fifteen minutes."),
            ("load.per_cpu_1m", "", "The one-minute load divided by the number of processors."),
            ("load.per_cpu_5m", "", "The five-minute load divided by the number of processors."),
            ("load.per_cpu_15m", "", "The fifteen-minute load divided by the number of processors."),
            ("memory.used_percent", "percent", "Share of memory that is not available to programs."),
            ("memory.available_bytes", "bytes", "Memory that programs can have without swapping."),
            ("memory.total_bytes", "bytes", "Memory of the host."),
            ("swap.used_percent", "percent", "Share of swap in use; absent on a host without swap."),
            ("swap.free_bytes", "bytes", "Swap not in use; absent on a host without swap."),
            ("file_descriptors.open", "", "Open file descriptions of the whole host."),
            ("file_descriptors.used_percent", "percent", "Share of the kernel's limit of open file descriptions."),
            ("pressure.cpu.some_percent", "percent", "Share of time in which some task waited for a processor."),
            ("pressure.memory.some_percent", "percent", "Share of time in which some task waited for memory."),
            ("pressure.memory.full_percent", "percent", "Share of time in which all tasks waited for memory."),
            ("pressure.io.some_percent", "percent", "Share of time in which some task waited for I/O."),
            ("pressure.io.full_percent", "percent", "Share of time in which all tasks waited for I/O."),
            ("uptime.seconds", "seconds", "Time since the kernel started."),
        ),
    ),
    *_specs(
        ("mountpoint",),
        (
            ("disk.used_percent", "percent", "Share of the space open to ordinary users that is used, as df says it."),
            ("disk.free_bytes", "bytes", "Space that ordinary users can still fill."),
            ("disk.total_bytes", "bytes", "Size of the file system."),
            ("disk.inodes_used_percent", "percent", "Share of inodes used; absent where inodes are not counted."),
            ("disk.inodes_free", "", "Inodes that are free; absent where inodes are not counted."),
            ("disk.read_only", "", "1 where the file system is mounted read-only, else 0."),
        ),
    ),
    *_specs(
        ("device",),
        (
            ("disk_io.read_bytes_per_second", "bytes_per_second", "Bytes read from the device."),
            ("disk_io.written_bytes_per_second", "bytes_per_second", "Bytes written to the device."),
            ("disk_io.reads_per_second", "per_second", "Reads that the device completed."),
            ("disk_io.writes_per_second", "per_second", "Writes that the device completed."),
            ("disk_io.busy_percent", "percent", "Share of time in which the device had requests in flight."),
        ),
    ),
    *_specs(
        ("interface",),
        (
            ("network.received_bytes_per_second", "bytes_per_second", "Bytes received."),
            ("network.sent_bytes_per_second", "bytes_per_second", "Bytes sent."),
            ("network.received_packets_per_second", "per_second", "Packets received."),
            ("network.sent_packets_per_second", "per_second", "Packets sent."),
            ("network.receive_errors_per_second", "per_second", "Packets received with an error."),
            ("network.send_errors_per_second", "per_second", "Packets that could not be sent."),
            ("network.receive_drops_per_second", "per_second", "Packets received and dropped."),
            ("network.send_drops_per_second", "per_second", "Packets dropped instead of being sent."),
        ),
    ),
    *_specs(
        ("name",),
        (
            ("process.count", "", "Processes of that name; 0 when none runs."),
            ("process.memory_bytes", "bytes", "Resident memory of all processes of that name; absent when none runs."),
            ("process.cpu_percent", "percent", "Processor time of all processes of that name; 100 is one processor."),
        ),
        required=True,
    ),
    *_specs(
        ("sensor",),
        (("temperature.celsius", "celsius", "Temperature at a sensor, named `chip/label`."),),
    ),
]

SIGNALS: Mapping[str, SignalSpec] = {spec.name: spec for spec in _ALL}
"""Every signal of the host by name."""

GROUPS: frozenset[str] = frozenset(map(group_of, SIGNALS))
"""Every group of signals."""

ASKED_FOR: frozenset[str] = frozenset({"process"})
"""Groups that are read only when a threshold asks for them; the others are read and exported always."""
