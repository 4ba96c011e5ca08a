"""A world in which an agent is killed at a fail point: whoever dies there is started again, as systemd would.

Everything that a test waits for goes through `World.wait`, which meanwhile looks after the kill: it notices that the
fail point was reached, ends whom the trial wants ended, and starts the agent again without the fail point.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from string import Template
from typing import TypeVar

from agent.host import proc
from agent.model.runs import Run
from agent.store import Store
from tests.system import effect
from tests.system.agent import AgentUnderTest, inherited
from tests.system.evidence import AUDIT, Audited, Effect
from tests.system.soak.patience import Patience

T = TypeVar("T")
READY_SECONDS = 5.0
PATIENCE = 45.0


class Victim(StrEnum):
    """Who dies when a fail point is reached; the other one of a run and its supervisor goes on."""

    SELF = "self"
    SUPERVISOR = "supervisor"
    SUPERVISOR_WHILE_RUN_HALTS = "supervisor-while-run-halts"
    BOTH = "both"


class World:
    """One agent in a place of its own. `armed` is the fail points of its first life, `again` those of its second.

    `state` is where the agent keeps its state, if not in that place.
    """

    def __init__(
        self,
        place: Path,
        armed: Sequence[str] = (),
        victim: Victim = Victim.SELF,
        again: str = "",
        *,
        state: Path | None = None,
    ) -> None:
        self.place = place
        self.agent = AgentUnderTest(place, state)
        self.canary = place / "canary"
        self.effects_file = place / "effects"
        self.gate = place / "gate"
        self.life = 0
        self.runs_killed = bool(again) + sum(victim is Victim.BOTH or point.startswith("run/") for point in armed)
        if victim in (Victim.SUPERVISOR, Victim.SUPERVISOR_WHILE_RUN_HALTS):
            self.runs_killed = int(bool(again))
        self.deaths = 0
        self.unended_before_life: set[int] = set()
        self.last_before_life = 0
        self.runs_alive_at_start = 0
        self._armed = [",".join(armed), again]
        self._victim = victim
        self._handled = victim is Victim.SELF
        self._first_start = 0.0
        self._foreground: subprocess.Popen[bytes] | None = None
        self._stopping: subprocess.Popen[bytes] | None = None
        self._plant()

    def _plant(self) -> None:
        """Make what nobody may touch, and a store that keeps the history of every state."""
        (self.canary / "below").mkdir(parents=True)
        for name in ("keep.old", "below/keep.old", "keep"):
            (self.canary / name).write_text(name)
            os.utime(self.canary / name, (1, 1))
        (self.canary / "link").symlink_to("/etc/passwd")
        with self.store() as store:
            store.connection.rows(AUDIT)

    def store(self) -> Store:
        """Open the store to write: for what the past of a scenario left there."""
        return Store(str(self.agent.state))

    def policy(self, text: str, **values: str) -> None:
        """Write the policy; `$place` is this place, `$effect` the words with which a command's list begins."""
        words = [sys.executable, "-I", "-S", effect.__file__, str(self.effects_file)]
        listed = ", ".join(f'"{word}"' for word in words)
        known = {"place": str(self.place), "effect": listed, "gate": str(self.gate)}
        self.agent.policy(Template(text).substitute(known | values))

    # What is seen of it.

    def reached(self, life: int | None = None) -> list[str]:
        """Return `role/point` for every point reached in one life, or in all, in order."""
        lives = range(self.life + 1) if life is None else (life,)
        return [line.split()[0] for one in lives for line in self._points(one)]

    def _points(self, life: int) -> list[str]:
        log = self._log(life)
        return log.read_text(encoding="ascii").splitlines() if log.exists() else []

    def _log(self, life: int) -> Path:
        return self.place / f"points.{life}"

    def effects(self) -> list[Effect]:
        """Return what commands did, in order."""
        if not self.effects_file.exists():
            return []
        lines = (line.split() for line in self.effects_file.read_text().splitlines())
        return [Effect(word, task, int(run)) for word, task, run in lines]

    def held(self) -> set[str]:
        """Return what is held until somebody releases it."""
        with Store(str(self.agent.state), read_only=True) as store:
            return set(store.holds.held())

    def audit(self) -> list[Audited]:
        """Return every state that runs and steps were in, in order."""
        with Store(str(self.agent.state), read_only=True) as store:
            rows = store.connection.rows("SELECT run, seq, was, became, attempt FROM audit ORDER BY n")
        return [Audited(*row) for row in rows]  # type: ignore[arg-type]  # the columns are the fields

    def processes(self) -> list[int]:
        """Return the processes of this place's runs that live."""
        return [process.pid for process in self.agent.of_runs()]

    @property
    def key(self) -> str:
        """What the names of this place's control groups and the marks of its processes begin with."""
        return self.agent.key

    def story(self) -> str:
        """Return what has happened, for whoever has to find out why a trial failed."""
        runs = "\n".join(
            f"  {run.id} {run.task} {run.state} why={run.why!r} attempt={run.attempt} ended={run.ended} pid={run.pid} "
            f"stop={run.stop!r} on_interrupt={run.on_interrupt!r} detail={run.detail!r}"
            for run in self.agent.runs()
        )
        audit = "\n".join(f"  {tuple(row)}" for row in self.audit())
        points = "\n".join(f"  life {n}: {' '.join(self.reached(n))}" for n in range(self.life + 1))
        return f"\nruns:\n{runs}\naudit:\n{audit}\npoints:\n{points}\nlog:\n{self.agent.log.read_text()}"

    # What is done to it.

    def start(self) -> None:
        """Start the agent, and return once it acts on policies."""
        self._mark_life()
        deaths, patience = self.deaths, Patience(())
        process = self.agent.start(ready=False, environment=self._environment())
        self.wait(lambda: self.agent.get("/readyz")[0] == 200, "for the agent to be ready")
        took = patience.took([process.pid])
        # On a machine that is busy with something else even a first start takes its time.
        self._first_start = self._first_start or took
        bound = max(READY_SECONDS, 3 * self._first_start)
        assert took < bound or self.deaths > deaths, f"ready after {took:.1f} s"

    def _mark_life(self) -> None:
        # Processes first: a run may end in between, and then it must not be missed by both.
        self.runs_alive_at_start = len(self.processes())
        runs = self.agent.runs()
        self.unended_before_life = {run.id for run in runs if run.ended is None}
        self.last_before_life = max((run.id for run in runs), default=0)

    def _environment(self) -> dict[str, str]:
        return {
            "HOSTKEEPER_FAILPOINT": self._armed[self.life] if self.life < len(self._armed) else "",
            "HOSTKEEPER_FAILPOINT_LOG": str(self._log(self.life)),
            "HOSTKEEPER_FAILPOINT_SIGNAL": "KILL" if self._victim is Victim.SELF or self.life else "STOP",
        }

    def wait(self, what: Callable[[], T | None], saying: str | Callable[[], str]) -> T:
        """Return the first thing that is not None and not False, looking after the dead meanwhile."""
        end = time.monotonic() + PATIENCE
        while True:
            self._look_after()
            found = what()
            if found is not None and found is not False:
                return found
            assert time.monotonic() < end, f"waited in vain {saying if isinstance(saying, str) else saying()}"
            time.sleep(0.03)

    def _look_after(self) -> None:
        if not self._handled:
            self._end_victims()
        process = self.agent.process
        if process is None or process.poll() is None:
            return
        if process is self._stopping and process.returncode == 0:
            return
        assert process.returncode == -signal.SIGKILL, f"the agent ended with {process.returncode}{self.story()}"
        self.agent.process = None
        self.begin_next_life()
        self.start()

    def begin_next_life(self) -> None:
        """What was armed has killed: what starts from here on is armed for the life after."""
        self.deaths += 1
        self.life += 1

    def _end_victims(self) -> None:
        """Once somebody halts at the fail point: end whom the trial wants ended."""
        halted = self._halted()
        if halted is None:
            return
        self._handled = True
        supervisor = self.agent.process or self._foreground
        assert supervisor is not None
        supervisor.kill()
        supervisor.wait()
        if self._victim is Victim.BOTH:
            self.kill_runs()
        elif self._victim is Victim.SUPERVISOR:
            proc.send(halted, signal.SIGCONT)
        if supervisor is self.agent.process:
            self.agent.process = None
            self.begin_next_life()
            self.start()
        if self._victim is Victim.SUPERVISOR_WHILE_RUN_HALTS:
            proc.send(halted, signal.SIGCONT)

    def _halted(self) -> proc.Process | None:
        for line in self._points(self.life):
            process = proc.look(int(line.split()[1]))
            if process is not None and process.state == "T":
                return process
        return None

    def stop(self) -> None:
        """Ask the agent to stop, and return when it has; if it is killed meanwhile, that will do."""
        process = self._stopping = self.agent.process
        assert process is not None
        process.terminate()
        self.wait(lambda: self.agent.process is not process or process.poll() == 0, "for the agent to stop")
        if self.agent.process is process:
            self.agent.process = None

    def command(self, *arguments: str) -> int:
        """Run a command to its end and return its exit code; negative: the signal that killed it."""
        with open(self.agent.log, "ab") as log:
            self._foreground = subprocess.Popen(
                [sys.executable, "-I", "-m", "agent", *arguments, *self.agent.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**inherited(), **self._environment()},
            )
        process = self._foreground
        try:
            self.wait(lambda: process.poll() is not None, f"for {arguments} to end")
        finally:
            process.kill()
            process.wait()
            self._foreground = None
        if process.returncode == -signal.SIGKILL:
            self.begin_next_life()
        return process.returncode

    def kill_runs(self) -> None:
        """Kill every process of every run."""
        self.agent.kill_runs()

    def runs_of(self, task: str) -> list[Run]:
        """Return the runs of a task, oldest first."""
        return [run for run in self.agent.runs() if run.task == task]


@contextmanager
def world_in(place: Path, armed: Sequence[str] = (), victim: Victim = Victim.SELF, again: str = "") -> Iterator[World]:
    """A world of which nothing is left when it ends, whatever happens."""
    world = World(place, armed, victim, again)
    try:
        yield world
    finally:
        world.agent.bury()
