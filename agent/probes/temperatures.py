"""Temperatures, where the host has sensors."""

from __future__ import annotations

import psutil

from agent.model.signals import Sample
from agent.probes.group import Measured, bounded

LOOKED_FOR_EVERY = 300.0
"""Seconds between two searches for sensors on a host that has none."""


class Temperatures:
    """Sensors by `chip/label`; a sensor without a label, or with one used before, is told by its number."""

    def __init__(self) -> None:
        self.asked: frozenset[str] = frozenset()
        self._none_until = 0.0

    def read(self, now: float) -> Measured:
        """Return the temperature of every sensor that reports one."""
        if now < self._none_until:
            return Measured()
        found: dict[str, float] = {}
        for chip, sensors in psutil.sensors_temperatures().items():
            for number, sensor in enumerate(sensors, start=1):
                name = f"{chip}/{sensor.label or number}"
                if sensor.current is not None:
                    found[name if name not in found else f"{name} {number}"] = float(sensor.current)
        if not found:
            self._none_until = now + LOOKED_FOR_EVERY
        names, error = bounded(found, self.asked, "sensors")
        return Measured([Sample("temperature.celsius", (("sensor", name),), found[name]) for name in names], error)
