"""What the tables and sentences of `hostkeeper backup` look like."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from agent.actions.backup._begun import Recovered
from agent.cli.backups.diff import compare
from agent.cli.backups.list import short
from agent.cli.backups.place import Known, this_host
from agent.cli.backups.recover import _told
from agent.cli.main import main
from agent.model.backups import Entry, Part, Proof, Verification
from tests.actions.backup.restoring import backup
from tests.system.backups import restic_repository


def test_ids_are_shown_as_short_as_they_name_one_backup() -> None:
    full, later = "20260301T021500Z-full-0123456789abcdef", "20260302T021500Z-incremental-0123456789abcdef"
    same = "20260301T021500Z-full-fedcba9876543210"
    assert short(full, [full, later]) == "20260301T021500Z"
    assert short(full, [full, same, later]) == full
    assert short(full, [later]) == full
    assert short("20260301-021500F", ["20260301-021500F"]) == "20260301-021500F"
    assert short("") == ""
    assert short("0123456789abcdef" * 4) == "0123456789ab"


def test_names_of_one_file_differ_only_where_they_are_of_another() -> None:
    def entry(path: bytes, text: bytes, target: bytes = b"") -> Entry:
        kind, size = ("hard link", 0) if target else ("file", len(text))
        made = Entry(path=path, kind=kind, mode=0o644, uid=0, gid=0, size=size, modified=0.0, target=target)
        return replace(made, sha256="" if target else text.hex())

    full = [entry(b"/b", b"text"), entry(b"/a", b"", b"/b"), entry(b"/c", b"text")]
    later = [entry(b"/a", b"text"), entry(b"/b", b"", b"/a"), entry(b"/c", b"text")]
    assert compare(full, later) == []
    written = [entry(b"/a", b"other"), entry(b"/b", b"", b"/a"), entry(b"/c", b"text")]
    assert [(one.path, one.details) for one in compare(full, written)] == [
        (b"/a", ("size", "sha256")),
        (b"/b", ("size", "sha256")),
    ]
    apart = [entry(b"/a", b"text"), entry(b"/b", b"text"), entry(b"/c", b"", b"/b")]
    assert [(one.path, one.details) for one in compare(full, apart)] == [(b"/b", ("target",)), (b"/c", ("target",))]


def test_damage_that_a_restore_has_refuted_is_no_flaw_any_more() -> None:
    made = backup(flaws=("a file was not read",))
    found = Verification(repository="local", task="shop", backup=made.id, at=1.0, deep=True, bytes=1, flaws=("torn",))
    proof = Proof(repository="local", task="shop", backup=made.id, at=2.0, seconds=1.0, bytes=1, checks={})
    assert Known({}, {}).flaws(made) == ("a file was not read",)
    assert Known({}, {made.id: found}).flaws(made) == ("a file was not read", "torn")
    assert Known({made.id: proof}, {made.id: found}).flaws(made) == ("a file was not read",)
    assert Known({made.id: proof}, {made.id: replace(found, at=3.0)}).flaws(made)[1:] == ("torn",)


@pytest.mark.parametrize(("host", "named"), [(this_host(), False), ("the-old-one", True)])
def test_recover_names_the_host_where_the_new_one_has_another_name(host: str, named: bool) -> None:
    part = Part(kind="postgresql", name="db", form="pg_dump custom", bytes=1, stored=1)
    made = backup(host=host, parts=(part,))
    told = "\n".join(_told([Recovered(made, 0, (), (("/var/lib/hostkeeper/recovered/shop", part),), ())]))
    assert f"restore {made.id} --task shop --database db" in told
    assert (f"--host {host}" in told) is named


def test_directory_with_a_repository_of_restic_is_told_for_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    restic_repository.make(tmp_path / "vault")
    assert main(["backup", "list", "--repository-path", str(tmp_path / "vault")]) == 2
    assert "is a repository of restic: name it with --restic" in capsys.readouterr().err
