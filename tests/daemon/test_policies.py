from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.daemon.compiler import COMMAND
from agent.daemon.policies import MOST_LOGGED, START_SECONDS
from tests.daemon.bench import NONE, SECONDS, Bench, counting, policy
from tests.daemon.test_compiler import STAND_IN


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
    second = make(command, fingerprint="a later agent")
    second.policies.start()
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


def test_change_between_the_start_and_the_first_turn_is_put_in_force_once(bench: Bench) -> None:
    bench.write("a.yaml", policy())
    bench.policies.start()
    bench.write("a.yaml", policy("second"))
    bench.write("b.yaml", policy("other"))
    bench.turn_until(lambda: len(bench.put) > 1)
    bench.pass_time(2)
    assert [sorted(put.tasks) for put in bench.put] == [["hello"], ["other", "second"]]


def test_start_says_when_it_has_to_wait_for_the_compiler(make: Callable[..., Bench]) -> None:
    first = make()
    first.write("a.yaml", policy())
    first.start()
    second = make().start()
    assert (first.delayed, second.delayed) == (1, 0)


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


def test_file_written_by_a_second_name_is_found_when_asked(bench: Bench, tmp_path: Path) -> None:
    path = bench.write("a.yaml", policy("one"))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "same.yaml").hardlink_to(path)
    bench.start()
    (tmp_path / "elsewhere" / "same.yaml").write_text(policy("two"))
    bench.pass_time(2)
    bench.policies.suspect()
    bench.turn_until(lambda: bench.tasks == ["two"], seconds=10)
