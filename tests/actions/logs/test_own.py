"""What our own rotation does beyond logrotate: leftovers, full disks, names that others took or exchange."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from agent.errors import AgentError, RunFailed
from agent.ports import Program
from tests.actions.logs.rotating import aged, around, options, real, run
from tests.fakes import FakeClock, FakeProcesses, context
from tests.host.limits import files_no_larger_than
from tests.host.swaps import exchanging

STAMP = f"-20260301-{int(FakeClock().now().timestamp())}"


def test_rotation_on_a_full_disk_leaves_the_plain_generation_and_rotates(log: Path, place: Path) -> None:
    told = log.parent.parent / "told"
    old = aged(log, 0, content=os.urandom(1 << 16))
    content = old.read_bytes()
    with files_no_larger_than(1 << 12), pytest.raises(RunFailed, match=rf"not dealt with: .*{old.name}: zstd ended"):
        run(options(log, engine="own", after=["touch", str(told)]), real(place))
    assert told.exists(), "writers have to open the new log"
    assert around(log) == ["app.log", old.name, f"app.log{STAMP}"]
    assert (old.read_bytes(), log.read_bytes()) == (content, b"")
    assert log.with_name(f"app.log{STAMP}").read_bytes() == b"one\ntwo\n"


def test_rotation_by_copying_on_a_full_disk_leaves_the_log_whole(log: Path, place: Path) -> None:
    log.write_bytes(content := os.urandom(1 << 16))
    with files_no_larger_than(1 << 12), pytest.raises(RunFailed, match="File too large"):
        run(options(log, engine="own", method="copytruncate"), real(place))
    assert (around(log), log.read_bytes()) == (["app.log"], content)


def test_rotation_leaves_plain_what_somebody_still_writes_to(log: Path, place: Path) -> None:
    old = aged(log, 0)
    with old.open("ab"), pytest.raises(RunFailed, match="still write to it, so it is not compressed"):
        run(options(log, engine="own"), real(place))
    assert (old.read_bytes(), log.read_bytes()) == (b"old\n", b"")


def test_rotation_takes_no_name_that_somebody_has_taken(log: Path, place: Path) -> None:
    theirs = log.with_name(f"app.log{STAMP}")
    theirs.symlink_to("/etc/hostname")
    with pytest.raises(RunFailed, match=r"somebody has put app\.log.* there already"):
        run(options(log, engine="own"), real(place))
    assert (log.read_bytes(), theirs.is_symlink()) == (b"one\ntwo\n", True)


def test_rotation_clears_up_after_one_that_was_killed(log: Path, place: Path) -> None:
    empty, old = aged(log, 9, content=b""), [aged(log, number) for number in (1, 2)]
    half = old[1].with_name(f"{old[1].name}.zst")
    half.write_bytes(b"half of an archive")
    facts = run(options(log, engine="own", keep=3), real(place))
    assert facts["rotate"]["deleted"] == 1
    assert not empty.exists()
    assert half.read_bytes() != b"half of an archive"
    assert around(log) == ["app.log", f"{old[0].name}.zst", half.name, f"app.log{STAMP}"]


def written_to(log: Path) -> int:
    """Have something in the log to be rotated, if what is at its path is a file then; return how many bytes."""
    with suppress(OSError):
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW)
        written = os.write(descriptor, b"more\n")
        os.close(descriptor)
        return written
    return 0


@pytest.mark.root
@pytest.mark.parametrize("method", ["rename", "copytruncate"])
@pytest.mark.parametrize("mode", [0o755, 0o1777])
def test_rotation_beside_the_owner_of_a_log_who_exchanges_it_with_a_link_touches_nothing_else(
    mode: int, method: str, log: Path, place: Path, tmp_path: Path
) -> None:
    canary = tmp_path / "canary"
    canary.write_bytes(b"root's own\n")
    canary.chmod(0o600)
    link = log.with_name("link")
    link.symlink_to(canary)
    for path in (log, log.parent):
        os.chown(path, 1, 1)
    os.chown(link, 1, 1, follow_symlinks=False)
    log.parent.chmod(mode)
    for above in log.parent.parents:
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    clock, rotated, written = FakeClock(), 0, log.stat().st_size
    with exchanging(log, link):
        while rotated < 5:
            clock.advance(1.0)
            try:
                facts = run(
                    options(log, engine="own", method=method, compress="none", keep=500), real(place, clock=clock)
                )
                rotated += "rotate" in facts
            except AgentError:
                pass
            written += written_to(log)
    assert (canary.read_bytes(), canary.stat().st_uid, canary.stat().st_mode & 0o777) == (b"root's own\n", 0, 0o600)
    owners = {path.lstat().st_uid for path in log.parent.iterdir()}
    assert owners == {1}
    kept = [path.read_bytes() for path in log.parent.iterdir() if not path.is_symlink()]
    assert sum(map(len, kept)) == written


def test_rotation_without_the_program_that_compresses_at_that_moment_rotates_and_fails(log: Path, place: Path) -> None:
    class Without(FakeProcesses):
        def piped(self, programs: Sequence[Program], stop: Callable[[], bool]) -> NoReturn:
            raise RunFailed("zstd: No such file or directory")

    old = aged(log, 0)
    with pytest.raises(RunFailed, match=r"not dealt with: .*zstd: No such file"):
        run(options(log, engine="own"), context(processes=Without(), place=str(place)))
    assert (old.read_bytes(), log.read_bytes()) == (b"old\n", b"")
