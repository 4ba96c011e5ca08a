from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from agent.actions.logs._rotation import Rotation
from agent.actions.logs.rotate import ACTION, Options
from agent.errors import Refused, RunFailed
from agent.host.processes import SystemProcesses
from agent.model.actions import Judgement
from agent.model.policies import Limits
from agent.model.reasons import Reason
from agent.ports import Command, Completed, Context
from tests.fakes import FakeClock, FakeMemory, FakeObjectLog, FakeProcesses, context


def options(*paths: Path, **changes: Any) -> Options:
    known: dict[str, Any] = {
        "paths": [str(path) for path in paths],
        "method": "rename",
        "min_size": 1,
        "keep": 3,
        "max_age": None,
        "compress": "zstd",
        "create": None,
        "after": None,
        "after_timeout": 30.0,
        "services": False,
        "patience": 1.0,
        "missing": "fail",
    }
    return Options(**{**known, **changes})


def real(place: Path, **changes: Any) -> Context:
    return context(processes=SystemProcesses(cgroups=False), place=str(place), **changes)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "place"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    directory = tmp_path / "logs"
    directory.mkdir(mode=0o755)
    path = directory / "app.log"
    path.write_bytes(b"one\ntwo\n")
    path.chmod(0o640)
    return path


def run(found: Options, ctx: Context) -> dict[str, dict[str, object]]:
    facts: dict[str, dict[str, object]] = {}
    for step in ACTION.plan(found, ctx):
        outcome = step.do()
        facts[step.name] = dict(outcome.facts)
        if outcome.skipped is not None:
            return {**facts, "skipped": {"reason": outcome.skipped}}
    return facts


def aged(log: Path, number: int, ending: str = "") -> Path:
    """Leave an older generation behind, the older the smaller its number."""
    path = log.with_name(f"{log.name}-20260101-{1_767_000_000 + number}{ending}")
    path.write_bytes(b"old\n")
    return path


def test_rotate_renames_the_log_makes_a_new_one_and_keeps_so_many(log: Path, place: Path) -> None:
    old = [aged(log, number, ".zst") for number in range(3)]
    before, objects, judged = log.stat(), FakeObjectLog(), list[Judgement]()
    found = options(log)
    shown = {step.name: step.preview(judged.append) for step in ACTION.plan(found, real(place))}
    assert shown["rotate"].facts == {"rotate": 1, "rotate_bytes": 8, "delete": 1, "delete_bytes": 4}
    assert [one.target for one in judged if one.deleted] == [bytes(old[0])]
    assert not place.exists()
    facts = run(found, real(place, objects=objects))
    assert facts["rotate"] == {"rotated": 1, "rotated_bytes": 8, "deleted": 1, "deleted_bytes": 4}
    assert objects.deleted == [(bytes(old[0]), "over_count")]
    (renamed,) = [path for path in log.parent.iterdir() if path.stat().st_ino == before.st_ino]
    assert renamed.read_bytes() == b"one\ntwo\n"
    assert (log.read_bytes(), log.stat().st_mode, log.stat().st_uid) == (b"", before.st_mode, before.st_uid)
    assert len(list(log.parent.iterdir())) == 4
    assert facts["verify"]["old_writers"] in ("none", "unknown")


def test_rotate_of_an_empty_or_small_log_has_nothing_to_do(log: Path, place: Path) -> None:
    assert run(options(log, min_size=9), real(place))["skipped"] == {"reason": Reason.NOTHING_TO_DO}
    log.write_bytes(b"")
    assert run(options(log), real(place))["skipped"] == {"reason": Reason.NOTHING_TO_DO}
    assert [path.name for path in log.parent.iterdir()] == ["app.log"]


def test_rotate_by_copying_leaves_the_writer_its_file(log: Path, place: Path) -> None:
    with log.open("ab") as writer:
        run(options(log, method="copytruncate", compress="none"), real(place))
        writer.write(b"three\n")
    assert log.read_bytes() == b"three\n"
    (copy,) = [path for path in log.parent.iterdir() if path != log]
    assert copy.read_bytes() == b"one\ntwo\n"


def test_rotate_twice_in_a_second_waits_for_the_next_one(log: Path, place: Path) -> None:
    clock = FakeClock()
    log.with_name(f"app.log-20260301-{int(clock.now().timestamp())}.zst").touch()
    began = clock.monotonic()
    run(options(log), real(place, clock=clock))
    assert 0 < clock.monotonic() - began <= 1.0


def test_rotate_past_its_limits_is_refused_and_touches_nothing(log: Path, place: Path) -> None:
    for number in range(5):
        aged(log, number)
    with pytest.raises(Refused, match=r"3 older logs are selected, and `limits.items` is 2"):
        run(options(log), real(place, limits=Limits(items=2)))
    assert len(list(log.parent.iterdir())) == 6


def test_rotate_where_everybody_may_write_is_refused(log: Path, place: Path) -> None:
    log.parent.chmod(0o1777)
    with pytest.raises(Refused, match="everybody may write"):
        run(options(log), real(place))
    assert "refuse the run" in next(iter(ACTION.plan(options(log), real(place)))).preview(lambda _: None).summary


def test_rotate_of_what_the_host_rotates_already_is_refused_and_says_where(log: Path, place: Path) -> None:
    system = place.parent / "logrotate.d"
    system.mkdir()
    (place.parent / "logrotate.conf").write_text(f"weekly\ninclude {system}\n")
    (system / "app").write_text(
        f'# the app\n/other/*.log\n"{log.parent}/*.log" {{\n  daily\n  postrotate\n    kill {{ 1 }}\n  endscript\n}}\n'
    )
    rotation = Rotation(options(log), real(place), str(place.parent / "logrotate.conf"))
    with pytest.raises(Refused, match=rf"is rotated by {system}/app:3 already"):
        rotation.require(rotation.jobs())
    (system / "app").write_text(f"{log.parent}/other/*.log {{\n daily\n}}\n")
    rotation.require(rotation.jobs())


def test_rotate_whose_writer_goes_on_in_the_old_log_fails(log: Path, place: Path) -> None:
    with log.open("ab"), pytest.raises(RunFailed, match=r"still write to a log that was renamed"):
        run(options(log), real(place))


def test_rotate_runs_what_has_writers_open_their_logs_anew(log: Path, place: Path, tmp_path: Path) -> None:
    run(options(log, after=["touch", str(tmp_path / "told")]), real(place))
    assert (tmp_path / "told").exists()
    other = log.with_name("other.log")
    other.write_bytes(b"more\n")
    with pytest.raises(RunFailed, match="the logs are rotated, and `after` ended with 1"):
        run(options(other, after=["false"]), real(place))


class Dying(FakeProcesses):
    """Runs programs for real, and dies as the process would after one that has an argument."""

    def __init__(self, argument: str) -> None:
        super().__init__()
        self.argument = argument
        self.real = SystemProcesses(cgroups=False)

    def run(self, command: Command, stop: Any) -> Completed:
        completed = self.real.run(command, stop)
        if self.argument in command.argv:
            raise KeyboardInterrupt
        return completed


@pytest.mark.parametrize("method", ["rename", "copytruncate"])
@pytest.mark.parametrize("created", [True, False])
def test_rotate_killed_amid_it_is_gone_on_with_and_rotates_nothing_twice(
    method: str, created: bool, log: Path, place: Path
) -> None:
    memory, found = FakeMemory(), options(log, method=method)
    steps = list(ACTION.plan(found, context(processes=Dying("-v"), place=str(place), memory=memory)))
    steps[0].do()
    with pytest.raises(KeyboardInterrupt):
        steps[1].do()
    if created:
        with log.open("ab") as writer:
            writer.write(b"since\n")
    elif method == "rename":
        log.unlink()
    again = list(ACTION.plan(found, real(place, memory=memory)))
    assert again[1].do().facts["rotated"] == 1
    again[2].do()
    contents = sorted(path.read_bytes() for path in log.parent.iterdir())
    assert contents == sorted([b"one\ntwo\n", b"since\n" if created else b""])
    assert log.stat().st_mode & 0o777 == 0o640


def test_rotate_with_a_configuration_that_logrotate_complains_of_fails(log: Path, place: Path) -> None:
    with pytest.raises(RunFailed, match="unknown user"):
        run(options(log, create={"mode": "0640", "user": "nosuchuser", "group": "nosuchgroup"}), real(place))
    assert log.read_bytes() == b"one\ntwo\n"


def test_rotate_without_logrotate_fails_and_says_what_to_install(log: Path, place: Path) -> None:
    class Without(FakeProcesses):
        def run(self, command: Command, stop: Any) -> Completed:
            raise RunFailed("logrotate: No such file or directory")

    with pytest.raises(RunFailed, match="apt install logrotate"):
        run(options(log), context(processes=Without(), place=str(place)))


def test_rotate_by_an_engine_that_does_nothing_fails(log: Path, place: Path) -> None:
    class Idle(FakeProcesses):
        def run(self, command: Command, stop: Any) -> Completed:
            return Completed(0, f"considering log {log}", 10, False, 0.0)

    with pytest.raises(RunFailed, match=r"1 of 1 logs were not rotated: .*: it was not renamed"):
        run(options(log), context(processes=Idle(), place=str(place)))


@pytest.mark.parametrize("name", ['a"b.log', "a*b.log", "a\nb.log", "{a}.log", "a\\b.log", "a\udcffb.log", "a\u2028b"])
def test_rotate_of_a_log_whose_name_means_something_to_logrotate_fails(name: str, log: Path, place: Path) -> None:
    (log.parent / name).write_bytes(b"content\n")
    with pytest.raises(RunFailed, match="characters that cannot stand in a configuration"):
        run(options(log.parent / "?*b*", log.parent / "?a?.log", missing="skip"), real(place))


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_rotate_of_what_is_no_file_fails_and_says_so(kind: str, log: Path, place: Path) -> None:
    odd = log.with_name("odd.log")
    if kind == "link":
        odd.symlink_to(log)
    elif kind == "pipe":
        os.mkfifo(odd)
    else:
        odd.mkdir()
    with pytest.raises(RunFailed, match=r"odd\.log is (a symbolic link|no ordinary file), and is not rotated"):
        run(options(odd), real(place))
    assert log.read_bytes() == b"one\ntwo\n"


@pytest.mark.root
def test_rotate_in_a_directory_of_a_user_works_as_that_user(log: Path, place: Path) -> None:
    for path in (log, log.parent):
        os.chown(path, 1, 1)
    for above in log.parent.parents:
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    run(options(log, compress="none"), real(place))
    assert {path.stat().st_uid for path in log.parent.iterdir()} == {1}
    assert len(list(log.parent.iterdir())) == 2
