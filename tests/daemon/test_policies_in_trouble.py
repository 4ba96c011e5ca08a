"""Files held open or still changing, compilers that die, stores that refuse, files that others may write."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.daemon.compiler import COMMAND
from agent.daemon.policies import PATIENCE_SECONDS
from tests.daemon.bench import Bench, counting, policy
from tests.daemon.test_compiler import STAND_IN


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


@pytest.mark.parametrize("instead", [policy(), "version: 2\n"])
def test_set_that_could_not_be_taken_up_and_is_not_wanted_any_more_gives_way_to_the_one_before(
    bench: Bench, instead: str
) -> None:
    bench.write("a.yaml", policy())
    bench.start()
    bench.refusing = True
    bench.write("a.yaml", policy("second"))
    bench.turn_until(lambda: bench.errors == 1)
    bench.write("a.yaml", instead)
    bench.turn_until(lambda: bench.errors == 2)
    bench.refusing = False
    bench.policies.changed()
    bench.turn_until(lambda: len(bench.put) == 2)
    assert bench.tasks == ["hello"]
    assert bench.policies.valid == (instead == policy())
    bench.policies.changed()
    bench.pass_time(1)
    assert len(bench.put) == 2


def test_trail_of_policies_names_what_was_in_force_and_no_more(make: Callable[..., Bench]) -> None:
    bench = make()
    bench.write("a.yaml", policy())
    bench.start()
    bench.refusing = True
    bench.write("a.yaml", policy("second"))
    bench.turn_until(lambda: bench.errors == 1)
    assert [one.digest for one in bench.store.policy_changes.since(0.0)] == [bench.put[0].digest]
    bench = make()
    bench.write("a.yaml", policy("third"))
    bench.clock.advance(5)
    bench.start()
    changes = bench.store.policy_changes.since(0.0)
    assert [(one.added, one.removed) for one in changes] == [((), ()), (("tasks.third",), ("tasks.hello",))]


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
