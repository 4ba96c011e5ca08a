"""A daemon that can be killed, and run processes that do not want to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from agent.host.run_process import EXIT_UNKNOWN
from tests.host.leftovers import carriers, until

ROOT = Path(__file__).parents[2]


class Daemon:
    """Drives a stand-in for the daemon."""

    def __init__(self, state: Path, kind: str, word: str, unclaimed: float = 0.0) -> None:
        self.kind = kind
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.host.stand_in", str(state), kind, str(unclaimed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "HOSTKEEPER_TEST_WORD": word},
            text=True,
        )

    def __call__(self, do: str, **order: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def told(self, code: int) -> int:
        """Return what this launcher tells of a process that it started and that ended with a code."""
        return EXIT_UNKNOWN if self.kind == "systemd" else code

    def die(self) -> None:
        self.process.kill()
        self.leave()

    def leave(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


def nothing_is_left(daemon: Daemon, word: str) -> None:
    assert carriers(word) == [daemon.process.pid]
    # Zombies that the run itself had not waited for come to the daemon with the run's end.
    daemon("reap")
    assert daemon("child_ids") == []


def run_process(body: str) -> list[str]:
    """Return the argument list of a run process that begins as a real one does."""
    code = "import os, signal, subprocess, sys, time\nfrom agent.host.launcher import enter_run\nenter_run()\n" + body
    return [sys.executable, "-c", code]


NASTY = """
ready = sys.argv[1]
signal.signal(signal.SIGTERM, signal.SIG_IGN)
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
for script in (
    "trap '' TERM; while :; do sleep 1; done",
    "setsid sh -c 'setsid sleep 1000 & sleep 1000' &",
    "kill -STOP $$",
    "(setsid sh -c 'trap \\"\\" TERM; setsid sleep 1000 & wait' &)",
):
    subprocess.Popen(["sh", "-c", script], **quiet)
time.sleep(0.2)
open(ready, "w").close()
time.sleep(1000)
"""

CLEANED = """
ready = sys.argv[1]
script = "/bin/sleep 1000 & /bin/sleep 99"
subprocess.Popen(["env", "-i", "LEFT_BEHIND=" + sys.argv[2], "setsid", "/bin/sh", "-c", script])
time.sleep(0.2)
open(ready, "w").close()
time.sleep(1000)
"""


def start_nasty(daemon: Daemon, run: int, tmp_path: Path, word: str) -> tuple[int, float]:
    ready = tmp_path / f"ready-{run}"
    pid, started = daemon("start", run=run, argv=[*run_process(NASTY), str(ready)])
    until(ready.exists)
    assert len(carriers(word)) > 6
    return pid, started
