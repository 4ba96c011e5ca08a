"""The world of the soak: an agent that is meant to live, on a small disk, by a clock that can be set."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import TypeVar

from agent.host import proc
from tests.system import effect
from tests.system.clock import ShiftedClock
from tests.system.scenarios.scenario import LONG_AGO
from tests.system.soak import duties, vitals
from tests.system.soak.disk import SmallDisk
from tests.system.soak.dues import Dues
from tests.system.soak.patience import Patience
from tests.system.world import READY_SECONDS, World

T = TypeVar("T")
PATIENCE = 60.0
TURN_SECONDS = 0.05
FEED_SECONDS = 1.0
MOST_FED = 200
"""No more files than this are put into a directory that the agent does not clean at the time."""


class SoakWorld(World):
    """One agent in a place of its own. Whatever waits in it goes on filling directories and burying the dead."""

    def __init__(self, place: Path, disk: SmallDisk) -> None:
        self.disk = disk
        self.clock = ShiftedClock(place)
        super().__init__(place, state=disk.root / "state")
        self.alarm = place / "hk-alarm"
        self.alarm.symlink_to("/bin/sleep")
        self.may_end = True
        """Whether a fault may end the daemon on its way."""

        self.expected_to_end = False
        self.slowest_start = 0.0
        self.starts = 0
        self.life_began = 0.0
        self.looks: list[vitals.Vitals] = []
        self.guest = 0
        self.suspect_clock = "refuse"
        self.errors = 0
        self._log_read = 0
        self._fed = 0.0
        self._number = 0
        self._plant_directories()
        self.agent.settings("sample_every: 1s\ngrace: 3s\nconcurrency: 5\nballast: 1MiB\ntimezone: UTC\n")
        self.write_policies()
        self.dues = Dues(duties.DUE_EVERY, self.clock.now())

    def _plant_directories(self) -> None:
        canary = self.disk.root / "canary"
        self.canary.rename(self.place / "former-canary")
        subprocess.run(["cp", "-a", str(self.place / "former-canary"), str(canary)], check=True)
        self.canary = canary
        for name in ("tidied", "counted", "swept"):
            (self.disk.root / name).mkdir()
        tidied = self.disk.root / "tidied"
        (tidied / "keep").write_text("keep")
        (tidied / "link.old").symlink_to(canary / "keep.old")
        (tidied / "way.old").symlink_to(canary)
        self.young.write_text("young")
        os.sync()

    @property
    def young(self) -> Path:
        """A file that only a wrong clock takes for old."""
        return self.disk.root / "tidied" / "young.old"

    # Policies.

    def write_policies(self, texts: Mapping[str, str] | None = None) -> None:
        """Write every policy file as it should be, or these; nothing else is in the directory then."""
        texts = self.policy_texts() if texts is None else texts
        for name, text in texts.items():
            if not (self.agent.policies / name).exists() or (self.agent.policies / name).read_text() != text:
                self.agent.policy(text, name)
        for path in self.agent.policies.iterdir():
            if path.name not in texts:
                path.unlink()

    def policy_texts(self) -> dict[str, str]:
        """Return the policy files as they should be, by name."""
        words = [sys.executable, "-I", "-S", effect.__file__, str(self.effects_file)]
        known = {
            "effect": ", ".join(f'"{word}"' for word in words),
            "disk": str(self.disk.root),
            "alarm": self.alarm.name,
            "version": f"version {self.guest}",
            "suspect_clock": self.suspect_clock,
            "number": str(self.guest % 3),
            "every": str(7 + self.guest % 5),
        }
        texts = {"work.yaml": duties.WORK, "housekeeping.yaml": duties.HOUSEKEEPING, "guest.yaml": duties.GUEST}
        return {name: Template(text).substitute(known) for name, text in texts.items()}

    # Time.

    def set_clock(self, shift: float) -> None:
        """Make the clock of the agent differ from the host's by so many seconds."""
        shown = self.clock.now()
        self.clock.set(shift)
        self.dues.clock_set(shown, self.clock.now())

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), **self.clock.environment}

    def wait(
        self,
        what: Callable[[], T | None],
        saying: str | Callable[[], str],
        seconds: float = PATIENCE,
        turn: float = 0.1,
    ) -> T:
        """Return the first thing that is not None and not False, living on meanwhile.

        `seconds` are those in which neither the soak nor the daemon nor its children waited for a processor.
        """
        patience = Patience(self._awaited())
        while True:
            self.live()
            found = what()
            assert patience.took(self._awaited()) < seconds, (
                f"waited {seconds:g} s {saying if isinstance(saying, str) else saying()}"
            )
            if found is not None and found is not False:
                return found
            time.sleep(turn)

    def _awaited(self) -> list[int]:
        daemon = [self.agent.process.pid] if self.agent.process is not None else []
        return [os.getpid(), *daemon, *(child for pid in daemon for child in proc.children(pid))]

    def live_for(self, seconds: float) -> None:
        """Let time pass."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.live()
            time.sleep(min(left, TURN_SECONDS * 4))

    def live(self) -> None:
        """See that the agent lives, feed it, and bury who was left to this process."""
        process = self.agent.process
        if process is not None and process.poll() is not None and not self.expected_to_end:
            raise AssertionError(f"the agent ended by itself, with {process.returncode}")
        if time.monotonic() - self._fed >= FEED_SECONDS:
            self._fed = time.monotonic()
            # A disk that is full or broken takes nothing.
            with suppress(OSError):
                self._feed()
            self._bury()

    def _feed(self) -> None:
        self._number += 1
        for name, suffix in (("tidied", ".old"), ("counted", "")):
            directory = self.disk.root / name / f"{self._number % 4}"
            directory.mkdir(exist_ok=True)
            if len(os.listdir(directory)) < MOST_FED:
                path = directory / f"{self._number}{suffix}"
                path.write_bytes(b"x" * 3000)
                os.utime(path, (LONG_AGO, LONG_AGO))

    def _bury(self) -> None:
        """Wait for those whose parents have died, as the first process of a host does."""
        if os.getpid() != 1:
            return
        ours = {process.pid for process in (self.agent.process, self._foreground) if process is not None}
        for pid in proc.children(1):
            process = proc.look(pid) if pid not in ours else None
            if process is not None and process.dead:
                with suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    # The daemon.

    def start(self) -> None:
        """Start the agent; AssertionError unless it is ready in time, the time it waited for a processor left out."""
        self._mark_life()
        patience = Patience(self._awaited())
        self.begin_to_start()

        def ready() -> float | None:
            took = patience.took(self._awaited())
            return took if self.agent.get("/readyz")[0] == 200 else None

        took = self.wait(ready, "for the agent to be ready", turn=TURN_SECONDS)
        assert took < READY_SECONDS, f"ready after {took:.1f} s"
        self.slowest_start = max(self.slowest_start, took)
        self.life_began = time.monotonic()
        self.looks = []

    def begin_to_start(self) -> subprocess.Popen[bytes]:
        """Start the agent and do not wait for it."""
        self.starts += 1
        return self.agent.start(ready=False, environment=self._environment())

    def kill_daemon(self) -> None:
        """End the daemon as the kernel does when memory runs out."""
        process = self.agent.process
        assert process is not None
        process.kill()
        process.wait()
        self.agent.process = None
        self.begin_next_life()

    def look(self) -> None:
        """Look at the daemon's memory, files and threads."""
        assert self.agent.process is not None
        pid = self.agent.process.pid
        self.looks.append(vitals.look(pid, time.monotonic()))

    def stop(self) -> None:
        """Ask the agent to stop, and return when it has, with exit code 0."""
        process = self.agent.process
        assert process is not None
        self.expected_to_end = True
        process.terminate()
        code = self.wait(process.poll, "for the agent to stop")
        assert code == 0, f"the agent was asked to stop and ended with {code}"
        self.expected_to_end = False
        self.agent.process = None
        self.life += 1

    def forget(self) -> None:
        """While nobody is at work: forget the past, so that the checks of a long soak do not take ever longer."""
        with self.store() as store:
            store.runs.prune(math.inf, self.clock.now())
            store.connection.rows("DELETE FROM audit")
        self.effects_file.unlink(missing_ok=True)
        for life in range(self.life + 1):
            self._log(life).unlink(missing_ok=True)

    def unread_log(self) -> str:
        """Return the whole lines that the agent has logged since this was asked last."""
        with self.agent.log.open("rb") as log:
            log.seek(self._log_read)
            text, _, _ = log.read().rpartition(b"\n")
        self._log_read += len(text)
        return text.decode("utf-8", "replace")

    def command_line(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command of the command line; what it says goes to the agent's log."""
        with open(self.agent.log, "ab") as log:
            self._foreground = subprocess.Popen(
                [sys.executable, "-I", "-m", "agent", *arguments, *self.agent.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment()},
            )
        return self._foreground

    def finish(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a command to end and return its exit code."""
        code = self.wait(process.poll, f"for {process.args!r} to end")
        self._foreground = None
        return code
