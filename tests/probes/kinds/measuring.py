"""Probes as policies have them, measured once."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.errors import PolicyError
from agent.host.asides import Asides
from agent.host.clock import SystemClock
from agent.model.policies import Probe
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.probes.group import Measured
from agent.probes.prober.frames import Order
from agent.probes.prober.measuring import Measuring


def policy(tmp_path: Path, probes: Mapping[str, Any], **sections: Any) -> Mapping[str, Probe]:
    """Given probes as policies have them, return them as they come out; JSON is YAML."""
    directory = tmp_path / "policies"
    directory.mkdir(mode=0o755, exist_ok=True)
    text = json.dumps({"version": 1, "probes": probes, **sections})
    (directory / "policy.yaml").write_text(text, encoding="utf-8")
    try:
        return load(str(directory), SIGNALS, (), root=False).probes
    except PolicyError as error:
        pytest.fail("\n".join(map(str, error.mistakes)))


class Asked:
    """One probe of a kind. `measure` measures it once more, and returns its numbers and what was wrong."""

    def __init__(
        self, tmp_path: Path, kind: str, settings: Mapping[str, Any], timeout: float = 5.0, **more: Any
    ) -> None:
        self.probe = policy(tmp_path, {"it": {kind: settings, "every": "1h"}}, **more)["it"]
        order = Order(1, "it", kind, self.probe.settings, 3600.0, timeout, 0.0)
        self.measuring = Measuring(order, str(tmp_path / "scratch"), Asides(), SystemClock())

    def measured(self) -> Measured:
        """Measure it once more."""
        self.measuring.begin()
        return self.measuring.measure()

    def measure(self) -> tuple[dict[str, float], str]:
        """Measure it once more; return its numbers, without labels, and what was wrong."""
        found = self.measured()
        return {one.signal: one.value for one in found.samples}, found.error
