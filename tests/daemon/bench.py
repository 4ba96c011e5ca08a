"""Policies on a loop whose time a test turns, for the tests of what is put in force."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agent.daemon.compiler import COMMAND
from agent.daemon.loop import Loop
from agent.daemon.policies import Policies
from agent.daemon.reloads import Reloads
from agent.errors import StoreError
from agent.host.notify import Notifier
from agent.model.policies import PolicySet
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.store import Store
from tests.daemon.test_compiler import STAND_IN
from tests.fakes import FakeClock

ACTIONS = ("command.run",)
NONE = "version: 1\n"
REAL_SECONDS, SECONDS = 0.005, 0.05
"""How long one turn of the loop may take, and how much time passes with it."""


def policy(name: str = "hello", word: str = "hello") -> str:
    return f"version: 1\ntasks: {{{name}: {{action: command.run, with: {{command: [echo, {word}]}}}}}}\n"


class Bench:
    """Policies on a loop whose time passes as the test turns it; compilers are real unless told otherwise."""

    def __init__(
        self,
        place: Path,
        command: Sequence[str] = COMMAND,
        fingerprint: str = "this agent",
        name: str = "policies",
        notifier: Notifier | None = None,
    ) -> None:
        self.directory = place / name
        self.directory.mkdir(exist_ok=True)
        self.clock = FakeClock()
        self.errors = 0
        self.loop = Loop(self.clock, lambda _: None, self._erred)
        self.store = Store(str(place / "state"))
        self.put: list[PolicySet] = []
        self.told = self.delayed = 0
        self.refusing = False
        self.policies = Policies(
            str(self.directory),
            self.store,
            self.clock,
            signals=SIGNALS,
            actions=lambda: ACTIONS,
            fingerprint=fingerprint,
            told=self._tell,
            delayed=self._wait,
            command=command,
        )
        self.policies.attach(self.loop, self._change, Reloads(self.store, notifier or Notifier({})))

    def _erred(self) -> None:
        self.errors += 1

    def _tell(self) -> None:
        self.told += 1

    def _wait(self) -> None:
        self.delayed += 1

    def _change(self, policies: PolicySet) -> None:
        if self.refusing:
            raise StoreError("the disk is full")
        self.put.append(policies)

    def start(self) -> Bench:
        self.policies.start()
        self.loop.turn(0.0)  # with the first one it begins to watch
        return self

    def write(self, name: str, text: str) -> Path:
        """Write a file as an editor does: complete under another name, then renamed."""
        draft = self.directory.parent / f"{name}.draft"
        draft.write_text(text)
        path = self.directory / name
        draft.rename(path)
        return path

    def turn_until(self, what: Callable[[], bool], seconds: float = 30.0) -> float:
        """Turn the loop, and pass time with it, until something holds; return how much time has passed."""
        end, begun = time.monotonic() + seconds, self.clock.monotonic()
        while not what():
            assert time.monotonic() < end, self.policies.mistakes
            self.turn()
        return self.clock.monotonic() - begun

    def turn(self) -> None:
        self.loop.turn(REAL_SECONDS)
        self.clock.advance(SECONDS)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with the loop turning."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            self.turn()

    @property
    def tasks(self) -> list[str]:
        assert self.policies.in_force is not None
        return sorted(self.policies.in_force.tasks)

    def wrong(self) -> str:
        return "\n".join(map(str, self.policies.mistakes))

    def cold(self) -> str:
        """The digest that a cold start would put in force."""
        return load(str(self.directory), SIGNALS, ACTIONS).digest

    def close(self) -> None:
        self.policies.stop()
        self.loop.close()
        self.store.close()


def counting(place: Path, command: Sequence[str] = STAND_IN) -> tuple[tuple[str, ...], Callable[[], int]]:
    """Return a command that does the same and is counted, and the count of its starts."""
    log = place / "starts"
    log.touch()
    return ("/bin/sh", "-c", 'echo >>"$0"; exec "$@"', str(log), *command), lambda: len(log.read_text().splitlines())
