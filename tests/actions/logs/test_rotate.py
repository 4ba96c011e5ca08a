from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.actions.logs._rotation import Rotation
from agent.actions.logs.rotate import ACTION, Options
from agent.errors import Refused, RunFailed
from agent.host.processes import SystemProcesses
from agent.ports import Command, Completed, Context
from tests.actions.logs.rotating import aged, around, options, real, run
from tests.fakes import FakeClock, FakeMemory, FakeProcesses, context


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


@pytest.fixture
def without_logrotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host on whose PATH there is what compresses, and no logrotate."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("zstd", "touch"):
        (programs / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(programs))


def chosen(found: Options, ctx: Context) -> tuple[object, object]:
    facts = run(found, ctx)["check"]
    return facts["engine"], facts["why"]


def test_rotate_where_logrotate_is_installed_has_it_rotate(log: Path, place: Path) -> None:
    assert chosen(options(log, engine="auto"), real(place)) == ("logrotate", "1 by logrotate (it is installed)")
    assert (place / "logrotate.state").exists()


@pytest.mark.usefixtures("without_logrotate")
def test_rotate_where_logrotate_is_not_installed_rotates_itself_and_says_so(log: Path, place: Path) -> None:
    why = "1 by the agent itself (logrotate is not installed)"
    shown = next(iter(ACTION.plan(options(log, engine="auto"), real(place)))).preview(lambda _: None)
    assert why in shown.summary
    assert chosen(options(log, engine="auto"), real(place)) == ("own", why)
    assert log.read_bytes() == b""
    assert not place.exists()


@pytest.mark.usefixtures("without_logrotate")
def test_rotate_by_logrotate_alone_where_there_is_none_fails_and_says_what_to_install(log: Path, place: Path) -> None:
    with pytest.raises(RunFailed, match="logrotate is not installed: apt install logrotate"):
        run(options(log), real(place))
    assert log.read_bytes() == b"one\ntwo\n"


@pytest.mark.parametrize("name", ['a"b.log', "a*b.log", "{a}b.log"])
def test_rotate_of_a_log_whose_name_logrotate_cannot_be_told_rotates_itself(name: str, log: Path, place: Path) -> None:
    odd = log.with_name(name)
    odd.write_bytes(b"content\n")
    engine, why = chosen(options(log.with_name("?*b.log"), engine="auto"), real(place))
    assert engine == "own"
    assert "its path has characters that cannot stand" in str(why)
    assert odd.read_bytes() == b""


def test_rotate_of_logs_that_each_engine_has_some_of_rotates_all(log: Path, place: Path) -> None:
    odd = log.with_name("a'b.log")
    odd.write_bytes(b"content\n")
    engine, why = chosen(options(log.with_name("*.log"), engine="auto"), real(place))
    assert engine == "logrotate+own"
    assert str(why).startswith("1 by logrotate (it is installed) and 1 by the agent itself (its path has")
    assert [log.read_bytes(), odd.read_bytes(), len(around(log))] == [b"", b"", 4]


def test_rotate_by_logrotate_where_everybody_may_write_is_refused(log: Path, place: Path) -> None:
    log.parent.chmod(0o1777)
    with pytest.raises(Refused, match="everybody may write"):
        run(options(log), real(place))
    assert "refuse the run" in next(iter(ACTION.plan(options(log), real(place)))).preview(lambda _: None).summary


@pytest.mark.parametrize("engine", ["auto", "own"])
def test_rotate_where_everybody_may_write_and_rename_is_refused(engine: str, log: Path, place: Path) -> None:
    log.parent.chmod(0o777)
    with pytest.raises(Refused, match=r"everybody may write to its directory, rename there .*: `chmod o-w` that"):
        run(options(log, engine=engine), real(place))
    assert around(log) == ["app.log"]


def test_rotate_where_everybody_may_write_and_not_rename_rotates_itself(log: Path, place: Path) -> None:
    log.parent.chmod(0o1777)
    engine, why = chosen(options(log, engine="auto"), real(place))
    assert (engine, "everybody may write to its directory" in str(why)) == ("own", True)
    assert (log.read_bytes(), len(around(log))) == (b"", 2)


@pytest.mark.root
def test_rotate_where_everybody_may_write_leaves_alone_what_others_put_there(log: Path, place: Path) -> None:
    log.parent.chmod(0o1777)
    os.chown(log, 1, 1)
    old, theirs = aged(log, 0), [aged(log, 10 + number) for number in range(5)]
    os.chown(old, 1, 1)
    for path in theirs:
        os.chown(path, 65534, 65534)
    facts = run(options(log, engine="own", keep=2), real(place))
    assert facts["rotate"]["deleted"] == 0
    assert all(path.read_bytes() == b"old\n" for path in theirs)
    assert old.with_name(f"{old.name}.zst").exists()
    assert (log.stat().st_uid, log.stat().st_mode & 0o777) == (1, 0o640)


@pytest.mark.root
def test_rotate_where_the_owner_of_a_sticky_directory_may_exchange_what_is_in_it_is_refused(
    log: Path, place: Path
) -> None:
    log.parent.chmod(0o1777)
    os.chown(log.parent, 2, 2)
    os.chown(log, 1, 1)
    with pytest.raises(Refused, match="whose owner is neither root nor the log's"):
        run(options(log, engine="auto"), real(place))
    assert around(log) == ["app.log"]


def test_rotate_of_which_one_log_fails_has_the_writers_of_the_others_told_and_fails(log: Path, place: Path) -> None:
    odd, told = log.with_name("a'b.log"), log.parent.parent / "told"
    odd.write_bytes(b"content\n")
    taken = log.with_name(f"a'b.log-20260301-{int(FakeClock().now().timestamp())}")
    taken.mkdir()
    found = options(log.with_name("*.log"), engine="auto", after=["touch", str(told)])
    with pytest.raises(RunFailed, match=r"what could be is rotated, .*: somebody has put .* was not renamed"):
        run(found, real(place))
    assert (log.read_bytes(), odd.read_bytes(), told.exists()) == (b"", b"content\n", True)
