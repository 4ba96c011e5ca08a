"""Every fault that strikes, by name."""

from __future__ import annotations

from collections.abc import Mapping

from tests.system.soak.faults import clients, clocks, disks, edits, processes
from tests.system.soak.faults.fault import Fault

FAULTS: Mapping[str, Fault] = {
    fault.name: fault for fault in (*processes.FAULTS, *edits.FAULTS, *clocks.FAULTS, *disks.FAULTS, *clients.FAULTS)
}
