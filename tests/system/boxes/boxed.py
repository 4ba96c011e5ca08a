"""Starts a program as the run of a task would be started, waits for its end, and says how exposed it was.

It runs in a bed: python3 -I boxed.py STATE RUN ACTION OPTIONS PROGRAM [ARGUMENT...]
"""

from __future__ import annotations

import json
import select
import subprocess
import sys

from agent.host.systemd_launcher import SystemdLauncher
from agent.host.units import Units
from agent.model.settings import RunLimits
from agent.ports import Bounds
from agent.registry import box_of

LIMITS = RunLimits(nice=0, idle_io=False, memory=None, cpu_weight=None, processes=None)


def main(state: str, run: str, action: str, options: str, *argv: str) -> None:
    """Print a line of JSON: the name of the unit, its system calls, and how exposed `systemd-analyze` calls it."""
    bounds = Bounds(task="probing", box=box_of(action, json.loads(options)), seconds=60.0)
    launcher = SystemdLauncher(state, limits=LIMITS, grace=1.0)
    child = launcher.start(int(run), 1, argv, bounds)
    unit = Units(state).name(int(run), 1)
    judged = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", unit], capture_output=True, text=True, check=False
    )
    shown = ["systemctl", "show", "--property=SystemCallFilter", "--value", unit]
    calls = subprocess.run(shown, capture_output=True, text=True, check=False).stdout.split()
    poller = select.poll()
    poller.register(child.fileno(), select.POLLIN)
    ended = bool(poller.poll(60_000))
    child.kill()
    child.close()
    print(json.dumps({"unit": unit, "ended": ended, "calls": calls, "exposure": judged.stdout.splitlines()[-1]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
