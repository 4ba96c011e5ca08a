"""Temperatures, where the host has sensors."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from agent.model.signals import Sample
from agent.probes.group import Measured, bounded

LOOKED_FOR_EVERY = 300.0
"""Seconds between two searches for sensors on a host that has none."""

_PLACES = (("/sys/class/hwmon", "hwmon"), ("/sys/class/thermal", "thermal_zone"))


class Sensor(Protocol):
    """What psutil tells of a sensor: its label, which may be empty, and its temperature in degrees Celsius."""

    @property
    def label(self) -> str: ...  # noqa: D102 -- the class says it

    @property
    def current(self) -> float | None: ...  # noqa: D102 -- the class says it


class Temperatures:
    """Sensors by `chip/label`; a sensor without a label, or with one used before, is told by its number.

    `tell` returns the sensors of each chip.
    """

    def __init__(self, tell: Callable[[], Mapping[str, Sequence[Sensor]]] | None = None) -> None:
        self.asked: frozenset[str] = frozenset()
        self._tell = tell or _told_by_psutil
        self._none_until = 0.0

    def read(self, now: float) -> Measured:
        """Return the temperature of every sensor that reports one."""
        if now < self._none_until:
            return Measured()
        found: dict[str, float] = {}
        for chip, sensors in self._tell().items():
            for number, sensor in enumerate(sensors, start=1):
                name = f"{chip}/{sensor.label or number}"
                if sensor.current is not None:
                    found[name if name not in found else f"{name} {number}"] = float(sensor.current)
        if not found:
            self._none_until = now + LOOKED_FOR_EVERY
        names, error = bounded(found, self.asked, "sensors")
        return Measured([Sample("temperature.celsius", (("sensor", name),), found[name]) for name in names], error)


def _told_by_psutil() -> Mapping[str, Sequence[Sensor]]:
    if not any(_holds(directory, kind) for directory, kind in _PLACES):
        return {}
    import psutil  # noqa: PLC0415 -- 1 MB and 9 ms, which only a host with sensors has to pay

    return psutil.sensors_temperatures()


def _holds(directory: str, kind: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return any(entry.startswith(kind) for entry in os.listdir(directory))
    return False
