"""What a pass over the host has to measure, for the thresholds in force. Light to import: it measures nothing."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from agent.model.policies import Threshold
from agent.probes.catalogue import ASKED_FOR, GROUPS, SIGNALS, group_of


class Wanted(Struct, frozen=True):
    """What a pass measures: groups of signals, and by label the values that thresholds ask for by name."""

    groups: frozenset[str] = GROUPS - ASKED_FOR
    mountpoints: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    interfaces: frozenset[str] = frozenset()
    processes: frozenset[str] = frozenset()
    sensors: frozenset[str] = frozenset()


def wanted(thresholds: Iterable[Threshold], exported: frozenset[str] = GROUPS - ASKED_FOR) -> Wanted:
    """Given the thresholds in force and the groups that are exported in any case, return what a pass must measure."""
    groups = set(exported)
    names: dict[str, set[str]] = {label: set() for label in ("mountpoint", "device", "interface", "name", "sensor")}
    for threshold in thresholds:
        if threshold.signal not in SIGNALS:
            continue
        groups.add(group_of(threshold.signal))
        for label, value in threshold.labels.items():
            names[label].add(value)
    return Wanted(
        frozenset(groups),
        mountpoints=frozenset(names["mountpoint"]),
        devices=frozenset(names["device"]),
        interfaces=frozenset(names["interface"]),
        processes=frozenset(names["name"]),
        sensors=frozenset(names["sensor"]),
    )
