"""What logs.rotate promises, held to both engines: logrotate itself, and our own rotation."""

from __future__ import annotations

import gzip
import os
import struct
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.actions.logs.rotate import ACTION
from agent.errors import Refused, RunFailed
from agent.host.clock import SystemClock
from agent.model.actions import Judgement
from agent.model.policies import Limits
from agent.model.reasons import Reason
from tests.actions.logs.rotating import ENGINES, aged, around, options, real, run
from tests.fakes import FakeClock, FakeObjectLog

NAMED_USER = struct.pack("<I", 2) + b"".join(
    struct.pack("<HHI", *entry)
    for entry in ((1, 6, 0xFFFFFFFF), (2, 4, 1), (4, 4, 0xFFFFFFFF), (16, 4, 0xFFFFFFFF), (32, 0, 0xFFFFFFFF))
)
"""An access list as the kernel keeps it (acl(5)): user 1 may read as well."""


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_rotate_renames_the_log_makes_a_new_one_and_keeps_so_many(engine: str, log: Path, place: Path) -> None:
    old = [aged(log, number, ".zst") for number in range(3)]
    before, objects, judged = log.stat(), FakeObjectLog(), list[Judgement]()
    found = options(log, engine=engine)
    shown = {step.name: step.preview(judged.append) for step in ACTION.plan(found, real(place))}
    assert shown["rotate"].facts == {"rotate": 1, "rotate_bytes": 8, "delete": 1, "delete_bytes": 4}
    assert [one.target for one in judged if one.deleted] == [bytes(old[0])]
    assert not place.exists()
    assert len(around(log)) == 4
    facts = run(found, real(place, objects=objects))
    assert facts["rotate"] == {"rotated": 1, "rotated_bytes": 8, "deleted": 1, "deleted_bytes": 4}
    assert objects.deleted == [(bytes(old[0]), "over_count")]
    (renamed,) = [path for path in log.parent.iterdir() if path.stat().st_ino == before.st_ino]
    assert renamed.read_bytes() == b"one\ntwo\n"
    assert (log.read_bytes(), log.stat().st_mode, log.stat().st_uid) == (b"", before.st_mode, before.st_uid)
    assert len(list(log.parent.iterdir())) == 4
    assert facts["verify"]["old_writers"] in ("none", "unknown")


def test_rotate_says_which_engine_and_why(engine: str, log: Path, place: Path) -> None:
    found = options(log, engine=engine)
    shown = next(iter(ACTION.plan(found, real(place)))).preview(lambda _: None)
    assert "(the policy says so)" in shown.summary
    facts = run(found, real(place))
    assert (facts["check"]["engine"], shown.facts["engine"]) == (engine, engine)
    assert "the policy says so" in str(facts["check"]["why"])


def test_rotate_of_an_empty_or_small_log_has_nothing_to_do(engine: str, log: Path, place: Path) -> None:
    nothing = {"reason": Reason.NOTHING_TO_DO}
    assert run(options(log, engine=engine, min_size=9), real(place))["skipped"] == nothing
    log.write_bytes(b"")
    assert run(options(log, engine=engine), real(place))["skipped"] == nothing
    log.unlink()
    assert run(options(log, engine=engine, missing="skip"), real(place))["skipped"] == nothing
    with pytest.raises(RunFailed, match="there is no such log"):
        run(options(log, engine=engine), real(place))
    assert around(log) == []


def test_rotate_by_copying_leaves_the_writer_its_file(engine: str, log: Path, place: Path) -> None:
    with log.open("ab") as writer:
        run(options(log, engine=engine, method="copytruncate", compress="none"), real(place))
        writer.write(b"three\n")
    assert log.read_bytes() == b"three\n"
    (copy,) = [path for path in log.parent.iterdir() if path != log]
    assert copy.read_bytes() == b"one\ntwo\n"
    assert copy.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("compress", "ending"), [("zstd", ".zst"), ("gzip", ".gz"), ("none", "")])
def test_rotate_compresses_the_generation_before_the_newest(
    compress: str, ending: str, engine: str, log: Path, place: Path
) -> None:
    old = aged(log, 0)
    old.chmod(0o604)
    before = old.stat()
    facts = run(options(log, engine=engine, compress=compress), real(place))
    assert facts["rotate"]["deleted"] == 0
    packed = log.with_name(old.name + ending)
    new = next(name for name in around(log) if name not in (log.name, packed.name))
    assert not new.endswith(ending or ".gz")
    assert len(around(log)) == 3
    if compress == "gzip":
        assert gzip.decompress(packed.read_bytes()) == b"old\n"
    if compress == "zstd":
        unpacked = subprocess.run(["zstd", "-qdc", packed], check=True, capture_output=True).stdout
        assert unpacked == b"old\n"
    about = packed.stat()
    assert (about.st_mode, int(about.st_mtime), about.st_uid) == (before.st_mode, int(before.st_mtime), before.st_uid)


def test_rotate_deletes_what_is_older_than_it_may_be(engine: str, log: Path, place: Path) -> None:
    young, old = aged(log, 1, ".zst"), aged(log, 2, ".zst")
    now = FakeClock().now().timestamp() if engine == "own" else young.stat().st_mtime
    os.utime(young, (now - 86400, now - 86400))
    os.utime(old, (now - 10 * 86400, now - 10 * 86400))
    run(options(log, engine=engine, max_age=5 * 86400.0), real(place))
    assert young.exists()
    assert not old.exists()


@pytest.mark.root
def test_rotate_gives_the_new_log_what_the_old_one_had(engine: str, log: Path, place: Path) -> None:
    os.chown(log, 1, 2)
    os.setxattr(log, "system.posix_acl_access", NAMED_USER)
    before = log.stat()
    run(options(log, engine=engine, compress="none"), real(place))
    about = log.stat()
    assert (about.st_mode, about.st_uid, about.st_gid) == (before.st_mode, 1, 2)
    assert os.getxattr(log, "system.posix_acl_access") == NAMED_USER


@pytest.mark.root
def test_rotate_gives_the_new_log_what_the_policy_says(engine: str, log: Path, place: Path) -> None:
    create = {"mode": "0604", "user": "daemon", "group": "adm"}
    run(options(log, engine=engine, create=create), real(place))
    about = log.stat()
    assert (about.st_mode & 0o777, about.st_uid, log.group()) == (0o604, 1, "adm")


def test_rotate_whose_new_log_belongs_to_nobody_fails(engine: str, log: Path, place: Path) -> None:
    create = {"mode": "0640", "user": "nosuchuser", "group": "nosuchgroup"}
    with pytest.raises(RunFailed, match="unknown user"):
        run(options(log, engine=engine, create=create), real(place))
    assert log.read_bytes() == b"one\ntwo\n"
    assert around(log) == ["app.log"]


def test_rotate_past_its_limits_is_refused_and_touches_nothing(engine: str, log: Path, place: Path) -> None:
    for number in range(5):
        aged(log, number)
    with pytest.raises(Refused, match=r"3 older logs are selected, and `limits.items` is 2"):
        run(options(log, engine=engine), real(place, limits=Limits(items=2)))
    assert len(list(log.parent.iterdir())) == 6


def test_rotate_whose_writer_goes_on_in_the_old_log_fails(engine: str, log: Path, place: Path) -> None:
    with log.open("ab"), pytest.raises(RunFailed, match=r"still write to a log that was renamed"):
        run(options(log, engine=engine), real(place))


def test_rotate_runs_what_has_writers_open_their_logs_anew(engine: str, log: Path, place: Path, tmp_path: Path) -> None:
    run(options(log, engine=engine, after=["touch", str(tmp_path / "told")]), real(place))
    assert (tmp_path / "told").exists()
    other = log.with_name("other.log")
    other.write_bytes(b"more\n")
    with pytest.raises(RunFailed, match="the logs are rotated, and `after` ended with 1"):
        run(options(other, engine=engine, after=["false"]), real(place))


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "hard link"])
def test_rotate_of_what_is_no_file_of_its_own_fails_and_says_so(kind: str, engine: str, log: Path, place: Path) -> None:
    odd = log.with_name("odd.log")
    if kind == "link":
        odd.symlink_to(log)
    elif kind == "pipe":
        os.mkfifo(odd)
    elif kind == "hard link":
        odd.hardlink_to(log)
    else:
        odd.mkdir()
    said = r"odd\.log (is a symbolic link|is no ordinary file|has 2 names \(hard links\)), and is not rotated"
    with pytest.raises(RunFailed, match=said):
        run(options(odd, engine=engine), real(place))
    assert log.read_bytes() == b"one\ntwo\n"


@pytest.mark.root
@pytest.mark.parametrize("method", ["rename", "copytruncate"])
def test_rotate_in_a_directory_of_a_user_works_as_that_user(method: str, engine: str, log: Path, place: Path) -> None:
    old = aged(log, 0)
    for path in (log, log.parent, old):
        os.chown(path, 1, 1)
    for above in log.parent.parents:
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    run(options(log, engine=engine, method=method), real(place))
    assert {path.stat().st_uid for path in log.parent.iterdir()} == {1}
    assert len(list(log.parent.iterdir())) == 3


@pytest.mark.root
def test_rotate_of_a_log_that_the_owner_of_its_directory_may_not_make_touches_nothing(
    engine: str, log: Path, place: Path
) -> None:
    os.chown(log.parent, 1, 1)
    for above in log.parent.parents:
        if not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    with pytest.raises(RunFailed, match=r"[Pp]ermission|not permitted"):
        run(options(log, engine=engine, method="copytruncate"), real(place))
    assert log.read_bytes() == b"one\ntwo\n"


def test_engines_take_over_from_one_another_and_lose_no_generation(log: Path, place: Path) -> None:
    contents = [b"rotation %d\n" % number for number in range(3)]
    for content, engine in zip(contents, ["own", "logrotate", "own"], strict=True):
        log.write_bytes(content)
        run(options(log, engine=engine, compress="gzip"), replace(real(place), clock=SystemClock()))
    found = [log.with_name(name) for name in around(log)[1:]]
    assert [path.suffix == ".gz" for path in found] == [True, True, False]
    assert [gzip.decompress(path.read_bytes()) for path in found[:2]] == contents[:2]
    assert found[2].read_bytes() == contents[2]
