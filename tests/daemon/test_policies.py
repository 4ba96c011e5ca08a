from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.daemon.compiler import COMMAND
from agent.daemon.loop import Loop
from agent.daemon.policies import MOST_LOGGED, PATIENCE_SECONDS, START_SECONDS, Policies
from agent.errors import StoreError
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
        self, place: Path, command: Sequence[str] = COMMAND, fingerprint: str = "this agent", name: str = "policies"
    ) -> None:
        self.directory = place / name
        self.directory.mkdir(exist_ok=True)
        self.clock = FakeClock()
        self.errors = 0
        self.loop = Loop(self.clock, lambda _: None, self._erred)
        self.store = Store(str(place / "state"))
        self.put: list[PolicySet] = []
        self.told = 0
        self.refusing = False
        self.policies = Policies(
            str(self.directory),
            self.store,
            self.clock,
            signals=SIGNALS,
            actions=ACTIONS,
            fingerprint=fingerprint,
            told=self._tell,
            command=command,
        )
        self.policies.attach(self.loop, self._change)

    def _erred(self) -> None:
        self.errors += 1

    def _tell(self) -> None:
        self.told += 1

    def _change(self, policies: PolicySet) -> None:
        if self.refusing:
            raise StoreError("the disk is full")
        self.put.append(policies)

    def start(self) -> Bench:
        self.policies.start()
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


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    made: list[Bench] = []

    def one(command: Sequence[str] = COMMAND, fingerprint: str = "this agent", name: str = "policies") -> Bench:
        """A bench on the same state; the one before it is closed, as a restart does."""
        if made:
            made.pop().close()
        made.append(Bench(tmp_path, command, fingerprint, name))
        return made[-1]

    yield one
    for bench in made:
        bench.close()


@pytest.fixture
def bench(make: Callable[..., Bench]) -> Bench:
    return make()


def counting(place: Path, command: Sequence[str] = STAND_IN) -> tuple[tuple[str, ...], Callable[[], int]]:
    """Return a command that does the same and is counted, and the count of its starts."""
    log = place / "starts"
    log.touch()
    return ("/bin/sh", "-c", 'echo >>"$0"; exec "$@"', str(log), *command), lambda: len(log.read_text().splitlines())


def test_start_puts_the_files_in_force_and_tells_once(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    assert (bench.tasks, bench.policies.valid, bench.policies.mistakes) == (["hello"], True, ())
    assert bench.put == [bench.policies.in_force]
    assert bench.put[0].digest == bench.cold()
    assert bench.told == 1


def test_start_with_unchanged_files_compiles_nothing(make: Callable[..., Bench], tmp_path: Path) -> None:
    first = make()
    first.write("a.yaml", policy())
    first.start()
    digest = first.put[0].digest
    command, starts = counting(tmp_path)
    second = make(command).start()
    assert (starts(), second.policies.valid) == (0, True)
    assert second.put[0].digest == digest


def test_start_after_an_upgrade_compiles_every_file(make: Callable[..., Bench], tmp_path: Path) -> None:
    first = make()
    first.write("a.yaml", policy())
    first.start()
    command, starts = counting(tmp_path)
    second = make(command, fingerprint="a later agent").start()
    assert (starts(), second.policies.valid) == (1, False)
    assert second.tasks == ["hello"], "what the former agent compiled is still better than nothing"


def test_start_right_after_a_write_waits_for_the_file_to_settle(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.write("a.yaml", policy())
    bench.start()
    bench = make()
    bench.write("a.yaml", policy("second"))
    bench.clock.wall = datetime.now(UTC)
    bench.start()
    assert ([list(put.tasks) for put in bench.put], bench.policies.valid) == ([["second"]], True)


def test_start_with_a_file_held_open_falls_back_soon(make: Callable[..., Bench]) -> None:
    bench = make()
    path = bench.write("a.yaml", policy())
    bench.start()
    bench = make()
    with path.open("a") as file:
        file.write(policy("second").removeprefix("version: 1\n"))
        file.flush()
        begun = bench.clock.monotonic()
        bench.start()
        assert bench.clock.monotonic() - begun < START_SECONDS + SECONDS * 2
        assert bench.tasks == ["hello"]


def test_start_with_mistakes_and_nothing_before_puts_an_empty_set_in_force(bench: Bench) -> None:
    bench.write("a.yaml", policy().replace("command.run", "command.rum"))
    bench.start()
    assert (bench.tasks, bench.policies.valid, bench.told) == ([], False, 1)
    assert "a.yaml:2:25: tasks.hello.action: unknown action" in bench.wrong()


def test_change_is_put_in_force_once_and_soon(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    for number in range(3):
        bench.write("a.yaml", policy(f"task-{number}"))
        bench.write("b.yaml", policy(f"other-{number}"))
        bench.turn_until(lambda: len(bench.put) > number + 1)  # noqa: B023 - called at once
        assert bench.tasks == [f"other-{number}", f"task-{number}"]
        bench.pass_time(2)
    assert len(bench.put) == bench.told == 4
    assert bench.put[-1].digest == bench.cold()


def test_every_burst_is_waited_out_however_long_after_the_first(make: Callable[..., Bench], tmp_path: Path) -> None:
    command, starts = counting(tmp_path, COMMAND)
    bench = make(command)
    bench.write("a.yaml", policy())
    bench.start()
    for word in ("one", "two", "three"):
        bench.pass_time(10)
        known = starts()
        # Somebody goes on changing things for a while; the one look comes after that.
        for number in range(10):
            bench.write("b.yaml", policy(f"{word}-{number}"))
            bench.policies.changed()
            bench.turn()
            bench.turn()
        bench.turn_until(lambda: bench.tasks == ["hello", f"{word}-9"])  # noqa: B023 - called at once
        assert starts() == known + 1


def test_bad_file_leaves_the_old_set_in_force_until_it_heals(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.write("b.yaml", policy("other"))
    bench.start()
    bench.write("a.yaml", policy().replace("echo, hello", "echo, [hello]"))
    bench.turn_until(lambda: not bench.policies.valid)
    assert (bench.tasks, len(bench.put), bench.told) == (["hello", "other"], 1, 2)
    assert "a.yaml:2:61: tasks.hello.with.command[1]: " in bench.wrong()
    bench.write("a.yaml", policy("healed"))
    bench.turn_until(lambda: bench.policies.valid)
    assert (bench.tasks, len(bench.put), bench.told, bench.wrong()) == (["healed", "other"], 2, 3, "")


def test_bad_file_that_goes_back_to_identical_bytes_heals(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.write("a.yaml", "version: 1\ntasks: [\n")
    bench.turn_until(lambda: not bench.policies.valid)
    bench.write("a.yaml", policy())
    bench.turn_until(lambda: bench.policies.valid)
    assert (len(bench.put), bench.told, bench.wrong()) == (1, 3, "")


def test_mistakes_between_files_are_told_with_those_within(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.write("b.yaml", policy())
    bench.write("c.yaml", "version: 1\ntasks: {x: {action: command.run, needs: [hallo]}}\n")
    bench.turn_until(lambda: not bench.policies.valid)
    wrong = bench.wrong()
    assert "b.yaml:2:9: tasks.hello: another task of this name is in" in wrong
    assert "c.yaml:2:42: tasks.x.needs[0]: unknown task" in wrong
    assert "c.yaml:2:9" in wrong, "that the command is missing"


def test_same_mistakes_are_told_once(bench: Bench) -> None:
    bench.write("a.yaml", "version: 1\ntasks: [\n")
    bench.start()
    for _ in range(3):
        bench.policies.changed()
        bench.pass_time(1)
    assert bench.told == 1


def test_mistakes_are_logged_but_not_without_end(make: Callable[..., Bench], caplog: pytest.LogCaptureFixture) -> None:
    bench = make(STAND_IN)
    for number in range(MOST_LOGGED + 7):
        (bench.directory / f"{number:03}.yaml").touch()
    with caplog.at_level(logging.ERROR):
        bench.start()
    assert f"{bench.directory}/000.yaml:1:2: bad" in caplog.text
    assert len(caplog.records) == MOST_LOGGED + 2
    assert "and 7 mistakes more, which `hostkeeper check` names" in caplog.text
    assert len(bench.policies.mistakes) == MOST_LOGGED + 7


def test_emptied_directory_keeps_the_old_set_also_over_a_restart(make: Callable[..., Bench]) -> None:
    bench = make()
    path = bench.write("a.yaml", policy())
    bench.start()
    path.unlink()
    bench.turn_until(lambda: not bench.policies.valid)
    assert (bench.tasks, len(bench.put)) == (["hello"], 1)
    assert "holds no policies: to have none, keep one file with `version: 1` alone" in bench.wrong()
    bench = make().start()
    assert (bench.tasks, bench.policies.valid) == (["hello"], False)
    bench.write("none.yaml", NONE)
    bench.turn_until(lambda: bench.policies.valid)
    assert bench.tasks == []


def test_empty_directory_at_the_very_first_start_is_fine(bench: Bench) -> None:
    bench.start()
    assert (bench.tasks, bench.policies.valid) == ([], True)


def test_set_of_another_directory_is_not_fallen_back_on(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.write("a.yaml", policy())
    bench.start()
    bench = make(name="other")
    bench.write("a.yaml", "version: 1\ntasks: [\n")
    bench.start()
    assert (bench.tasks, bench.policies.valid) == ([], False)


def test_directory_that_goes_and_comes_back_changes_nothing(bench: Bench, tmp_path: Path) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.directory.rename(tmp_path / "away")
    bench.turn_until(lambda: not bench.policies.valid)
    assert "policies:0:0: cannot be read: No such file or directory" in bench.wrong()
    (tmp_path / "away").rename(bench.directory)
    bench.turn_until(lambda: bench.policies.valid)
    assert (bench.tasks, len(bench.put)) == (["hello"], 1)


def test_link_to_nowhere_is_a_mistake_and_costs_no_compiling(make: Callable[..., Bench], tmp_path: Path) -> None:
    command, starts = counting(tmp_path)
    bench = make(command)
    (bench.directory / "a.yaml").symlink_to("nowhere.yaml")
    bench.start()
    bench.pass_time(3)
    assert "a.yaml:0:0: leads nowhere: remove it, or restore what it leads to" in bench.wrong()
    assert starts() == 0


def test_link_that_leads_somewhere_again_heals(bench: Bench, tmp_path: Path) -> None:
    (bench.directory / "a.yaml").symlink_to(tmp_path / "target")
    bench.start()
    assert not bench.policies.valid
    (tmp_path / "target").write_text(policy())
    bench.turn_until(lambda: bench.policies.valid)
    assert bench.tasks == ["hello"]


def test_file_held_open_costs_one_compiling(make: Callable[..., Bench], tmp_path: Path) -> None:
    command, starts = counting(tmp_path)
    bench = make(command)
    with (bench.directory / "busy-a.yaml").open("w") as file:
        file.write(policy())
        file.flush()
        bench.start()
        bench.pass_time(PATIENCE_SECONDS / 2)
        assert (bench.policies.mistakes, bench.tasks) == ((), [])
        bench.turn_until(lambda: bool(bench.policies.mistakes))
        assert "busy-a.yaml:0:0: is still being written: close it, or write another file" in bench.wrong()
        assert starts() == 1


def test_file_held_open_for_long_is_told_and_taken_when_it_is_closed(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    with (bench.directory / "a.yaml").open("w") as file:
        file.write(policy("first"))
        file.flush()
        passed = bench.turn_until(lambda: not bench.policies.valid)
        assert passed >= PATIENCE_SECONDS
        assert "a.yaml:0:0: is still being written" in bench.wrong()
        file.write("# more\n")
    bench.turn_until(lambda: bench.policies.valid)
    assert (bench.tasks, len(bench.put)) == (["first"], 2)


def test_file_that_changed_a_moment_ago_is_not_taken_even_at_once(make: Callable[..., Bench], tmp_path: Path) -> None:
    command, starts = counting(tmp_path, COMMAND)
    bench = make(command)
    bench.write("a.yaml", policy())
    bench.start()
    bench.write("a.yaml", policy("second"))
    bench.clock.wall = datetime.now(UTC)
    for _ in range(20):
        bench.policies.reload()
        bench.loop.turn(0.05)
    assert (starts(), len(bench.put)) == (1, 1)
    bench.turn_until(lambda: len(bench.put) == 2)
    assert bench.tasks == ["second"]


def test_reload_looks_at_once(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.write("a.yaml", policy("second"))
    for _ in range(5):
        bench.loop.turn(0.1)  # all that is heard of it comes first
    assert len(bench.put) == 1
    bench.policies.reload()
    end = time.monotonic() + 10
    while len(bench.put) == 1:
        assert time.monotonic() < end
        bench.loop.turn(0.1)


@pytest.mark.parametrize("passing", [True, False], ids=["noticed before the end", "noticed after it"])
def test_change_while_compiling_leads_to_one_set(make: Callable[..., Bench], tmp_path: Path, passing: bool) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    wait = f'until [ -e {gate} ]; do sleep 0.02; done; exec "$0" "$@"'
    command, starts = counting(tmp_path, ("/bin/sh", "-c", wait, *COMMAND))
    bench = make(command)
    bench.write("a.yaml", policy())
    bench.start()
    gate.unlink()
    bench.write("a.yaml", policy("second"))
    bench.turn_until(lambda: starts() == 2)
    bench.write("b.yaml", policy("third"))
    bench.policies.changed()
    if passing:
        bench.pass_time(1)
    gate.touch()
    for _ in range(20):
        bench.loop.turn(0.05)
    bench.turn_until(lambda: len(bench.put) == 2)
    assert bench.tasks == ["second", "third"]
    assert starts() == 3


@pytest.mark.parametrize("name", ["kill-it.yaml", "exit-it.yaml", "half-it.yaml"])
def test_file_that_ends_the_compiler_is_a_bad_policy(make: Callable[..., Bench], name: str) -> None:
    first = make()
    first.write("a.yaml", policy())
    first.start()
    bench = make(STAND_IN).start()
    assert bench.policies.valid
    path = bench.write(name, policy("other"))
    bench.turn_until(lambda: not bench.policies.valid)
    assert f"{name}:0:0: reading it ended the compiler (" in bench.wrong()
    assert bench.tasks == ["hello"]
    path.unlink()
    bench.turn_until(lambda: bench.policies.valid)


def test_file_that_ended_the_compiler_once_is_tried_again_unchanged(make: Callable[..., Bench], tmp_path: Path) -> None:
    once = tmp_path / "once"
    dies_once = (
        "import os, subprocess, sys\n"
        "if not os.path.exists(sys.argv[1]):\n"
        "    open(sys.argv[1], 'w').close()\n"
        "    os.kill(os.getpid(), 9)\n"
        "sys.exit(subprocess.call(sys.argv[2:]))\n"
    )
    bench = make((sys.executable, "-c", dies_once, str(once), *COMMAND))
    bench.write("a.yaml", policy())
    bench.start()
    assert not bench.policies.valid
    bench.policies.changed()
    bench.turn_until(lambda: bench.policies.valid)
    assert bench.tasks == ["hello"]


def test_compiler_that_cannot_be_started_is_told_and_tried_again(make: Callable[..., Bench], tmp_path: Path) -> None:
    program = tmp_path / "compiler"
    bench = make((str(program),))
    bench.write("a.yaml", policy())
    bench.start()
    assert "policies:0:0: cannot be compiled: No such file or directory" in bench.wrong()
    program.write_text(f"#!/bin/sh\nexec {' '.join(COMMAND)}\n")
    program.chmod(0o700)
    bench.policies.changed()
    bench.turn_until(lambda: bench.policies.valid)
    assert bench.tasks == ["hello"]


def test_fragment_of_another_version_is_a_mistake_and_loses_no_task(make: Callable[..., Bench]) -> None:
    first = make()
    first.write("a.yaml", policy())
    first.start()
    later = (
        "import sys, subprocess\n"
        "done = subprocess.run(sys.argv[1:], capture_output=True, check=True)\n"
        "sys.stdout.buffer.write(done.stdout.replace(b'format', b'formed'))\n"
    )
    bench = make((sys.executable, "-c", later, *COMMAND)).start()
    bench.write("a.yaml", policy("second"))
    bench.turn_until(lambda: not bench.policies.valid)
    assert "a.yaml:0:0: was compiled by another version of the agent than this one: start" in bench.wrong()
    assert bench.tasks == ["hello"]


def test_set_that_could_not_be_taken_up_is_not_in_force_and_tried_again(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.refusing = True
    bench.write("a.yaml", policy("second"))
    bench.turn_until(lambda: bench.errors == 1)
    assert bench.tasks == ["hello"]
    bench.refusing = False
    bench.policies.changed()
    bench.turn_until(lambda: len(bench.put) == 2)
    assert bench.tasks == ["second"]


def test_set_that_the_store_does_not_take_is_in_force_all_the_same(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.store.connection.rows("PRAGMA query_only = 1")
    bench.write("a.yaml", policy("second"))
    bench.turn_until(lambda: len(bench.put) == 2)
    assert (bench.tasks, bench.errors) == (["second"], 0)
    bench.store.connection.rows("PRAGMA query_only = 0")
    bench.policies.changed()
    bench.pass_time(1)
    bench.write("b.yaml", policy("third"))
    bench.turn_until(lambda: len(bench.put) == 3)
    assert set(bench.store.fragments.all()) == {"a.yaml", "b.yaml"}


@pytest.mark.root
def test_file_that_others_may_write_is_refused_until_they_may_not(bench: Bench) -> None:
    path = bench.write("a.yaml", policy())
    bench.start()
    path.chmod(0o666)
    bench.turn_until(lambda: not bench.policies.valid)
    assert f"run: chmod go-w {path}" in bench.wrong()
    path.chmod(0o600)
    bench.turn_until(lambda: bench.policies.valid)
    os.chown(path, 65534, 65534)
    bench.turn_until(lambda: not bench.policies.valid)
    assert f"run: chown root {path}" in bench.wrong()
    os.chown(path, 0, 0)
    bench.turn_until(lambda: bench.policies.valid)
    assert len(bench.put) == 1


@pytest.mark.root
def test_directory_that_others_may_write_is_refused_until_they_may_not(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.directory.chmod(0o777)
    bench.turn_until(lambda: not bench.policies.valid)
    assert f"run: chmod go-w {bench.directory}" in bench.wrong()
    bench.directory.chmod(0o755)
    bench.turn_until(lambda: bench.policies.valid)
    assert len(bench.put) == 1


@pytest.mark.root
def test_link_through_a_directory_that_others_may_write_is_refused_until_they_may_not(
    bench: Bench, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.yaml").write_text(policy())
    (bench.directory / "a.yaml").symlink_to(elsewhere / "a.yaml")
    bench.start()
    assert bench.tasks == ["hello"]
    elsewhere.chmod(0o777)
    bench.turn_until(lambda: not bench.policies.valid)
    assert f"run: chmod go-w {elsewhere}" in bench.wrong()
    elsewhere.chmod(0o755)
    bench.turn_until(lambda: bench.policies.valid)
    assert len(bench.put) == 1


@pytest.mark.root
def test_directory_that_becomes_shared_has_its_files_judged_anew(bench: Bench, tmp_path: Path) -> None:
    path = bench.write("a.yaml", policy())
    os.link(path, tmp_path / "second-name")
    bench.start()
    assert bench.policies.valid
    bench.directory.chmod(0o1777)
    bench.turn_until(lambda: not bench.policies.valid)
    assert "has 2 names" in bench.wrong()
