"""A daemon reduced to its launcher, for tests that kill it: takes orders as JSON lines, answers each with one.

python -m tests.host.stand_in STATE_DIRECTORY cgroup|descent|systemd UNCLAIMED_SECONDS
"""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
from typing import Any

from agent.errors import AgentError
from agent.host import proc
from agent.host.launcher import ChildLauncher
from agent.host.systemd_launcher import SystemdLauncher
from agent.model.box import UNCONFINED
from agent.model.settings import RunLimits
from agent.ports import Bounds, Child, Launcher

LIMITS = RunLimits(nice=3, idle_io=True, memory=None, cpu_weight=None, processes=None)
BOUNDS = Bounds(task="task", box=UNCONFINED, seconds=600.0)


class StandIn:
    """One method for each order; the keys of an order's JSON are the method's arguments."""

    def __init__(self, state: str, kind: str, unclaimed: str) -> None:
        self.launcher: Launcher = (
            SystemdLauncher(state, limits=LIMITS, grace=5.0)
            if kind == "systemd"
            else ChildLauncher(state, cgroups=kind == "cgroup", nice=3, idle_io=True, unclaimed=float(unclaimed))
        )
        self.children: dict[int, Child] = {}
        self.others: list[subprocess.Popen[bytes]] = []

    def start(self, run: int, argv: list[str]) -> list[float]:
        child = self.children[run] = self.launcher.start(run, 1, argv, BOUNDS)
        return [child.pid, child.pid_started]

    def adopt(self, run: int, pid: int, started: float) -> bool:
        child = self.launcher.adopt(run, pid, started)
        if child is not None:
            self.children[run] = child
        return child is not None

    def wait(self, run: int, seconds: float) -> int | None:
        poller = select.poll()
        poller.register(self.children[run], select.POLLIN)
        poller.poll(seconds * 1000)
        return self.children[run].poll()

    def terminate(self, run: int) -> None:
        self.children[run].terminate()

    def kill(self, run: int) -> None:
        self.children[run].kill()

    def close(self, run: int) -> None:
        self.children.pop(run).close()

    def sweep(self, run: int) -> None:
        self.launcher.sweep(run)

    def leftovers(self) -> list[int]:
        return sorted(self.launcher.leftovers())

    def reap(self) -> None:
        self.launcher.reap()

    def child_ids(self) -> list[int]:
        return proc.children(os.getpid())

    def descriptors(self) -> int:
        return len(os.listdir("/proc/self/fd"))

    def limit_descriptors(self, most: int) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

    def use_up_descriptors(self) -> int:
        used = 0
        while True:
            try:
                os.open("/dev/null", os.O_RDONLY)
            except OSError:
                return used
            used += 1

    def start_other(self, argv: list[str]) -> int:
        self.others.append(subprocess.Popen(argv, start_new_session=True))
        return self.others[-1].pid

    def wait_other(self) -> int:
        return self.others.pop().wait()

    def start_and_end(self, runs: int, argv: list[str]) -> None:
        for run in range(1000, 1000 + runs):
            self.start(run, argv)
            self.wait(run, 10)
            self.kill(run)
            self.close(run)
            self.sweep(run)


def main() -> None:
    stand_in = StandIn(*sys.argv[1:])
    for line in sys.stdin:
        order: dict[str, Any] = json.loads(line)
        try:
            answer = getattr(stand_in, order.pop("do"))(**order)
        except AgentError as error:
            answer = {"error": str(error)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
