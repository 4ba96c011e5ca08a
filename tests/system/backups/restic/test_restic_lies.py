"""A restic that ends well and did not do what it was told, or that should not be told everything."""

from __future__ import annotations

import pytest

from agent.drivers.repository import ListingFailed, Selection
from agent.errors import RunFailed
from agent.host.clock import SystemClock
from tests.system.backups import restic_repository
from tests.system.backups.beds import Numbers, request
from tests.system.backups.restic.tree import Tree, instead

pytestmark = pytest.mark.root


def test_verify_by_a_restic_that_checks_nothing_proves_nothing(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    backup = tree.backup()
    script = 'case "$1" in check) echo "no errors were found"; exit 0;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed, match="nothing is proven"):
        tree.bed.open().verify(backup, deep=True)


def test_create_by_a_restic_that_makes_nothing_fails(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    summary = (
        '{"message_type":"summary","snapshot_id":"12345678","total_files_processed":1,'
        '"total_bytes_processed":1,"data_added":1}'
    )
    script = f'case "$1" in backup) echo \'{summary}\'; exit 0;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed, match="does not list it"):
        tree.backup()


def test_create_by_a_restic_that_has_read_everything_and_does_not_end_fails(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fast(SystemClock):
        def monotonic(self) -> float:
            return super().monotonic() * 10_000.0

    scanned = '{"message_type":"verbose_status","action":"scan_finished"}'
    status = '{"message_type":"status","files_done":5,"total_files":5,"bytes_done":9,"total_bytes":9}'
    script = (
        f"case \"$1\" in backup) echo '{scanned}'; while echo '{status}'; do sleep 0.1; done; exit 1;; esac\n"
        'exec "$REAL" "$@"'
    )
    tree.bed.clock = Fast()
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed, match="has read everything and does not end"):
        tree.bed.open().create(request([tree.source]))


def test_create_source_that_is_emptied_meanwhile_is_told_as_a_flaw(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    script = f'case "$1" in backup) rm -f {tree.source}/*;; esac\nexec "$REAL" "$@"'
    with instead(tree, monkeypatch, script):
        backup = tree.backup()
    assert backup.flaws == (f"{tree.source} is empty; is its disk mounted? since the backup began",)


def test_create_source_that_is_a_link_is_refused(tree: Tree) -> None:
    link = tree.bed.place / "link"
    link.symlink_to(tree.source)
    with pytest.raises(RunFailed, match="symbolic link"):
        tree.repository.create(request([link]))


def test_create_pattern_that_excludes_the_copy_of_a_database_is_found(tree: Tree) -> None:
    with pytest.raises(RunFailed, match="the copies of shop are not in snapshot"):
        tree.backup(databases=(Numbers(),), exclude=("/**/database-*",))


def test_copies_of_databases_do_not_stay_on_the_disk(tree: Tree) -> None:
    tree.backup(databases=(Numbers(),))
    assert list(tree.bed.place.glob("agent-*/**/hostkeeper-parts")) == []


def test_version_that_is_too_old_is_told(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        instead(tree, monkeypatch, "echo restic 0.13.1 compiled with go1.18"),
        pytest.raises(RunFailed, match="too old"),
    ):
        tree.bed.open().listing()


def test_password_that_is_wrong_is_told_without_it(tree: Tree) -> None:
    (tree.bed.place / "password").write_text("another one")
    with pytest.raises(ListingFailed, match="does not open") as failed:
        tree.bed.open().listing()
    assert "another one" not in str(failed.value)


def test_files_with_secrets_that_others_may_read_are_refused(tree: Tree) -> None:
    variables = tree.bed.place / "variables"
    variables.write_text("# for the store\nAWS_SECRET_ACCESS_KEY=seventeen\n")
    with pytest.raises(RunFailed, match=r"environment file .* can be read or written by others"):
        tree.bed.open(environment_file=str(variables)).listing()
    variables.chmod(0o600)
    tree.bed.open(environment_file=str(variables)).listing()
    variables.write_text("no line of an environment: seventeen\n")
    with pytest.raises(RunFailed, match=r":1: not a line NAME=value$"):
        tree.bed.open(environment_file=str(variables)).listing()
    (tree.bed.place / "password").chmod(0o640)
    with pytest.raises(RunFailed, match="password file"):
        tree.bed.open().listing()


def test_secrets_are_in_no_argument_and_no_message(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = tree.bed.place / "variables"
    variables.write_text("AWS_SECRET_ACCESS_KEY=seventeen\n")
    variables.chmod(0o600)
    seen = tree.bed.place / "arguments"
    script = (
        f'echo "$@" >>{seen}; [ "$1" = version ] && exec "$REAL" version\n'
        'echo "Fatal: $RESTIC_REPOSITORY said no to $AWS_SECRET_ACCESS_KEY: connection refused" >&2; exit 1'
    )
    with instead(tree, monkeypatch, script), pytest.raises(RunFailed) as failed:
        repository = tree.bed.open(repository="rest:https://me:hunter2@vault/", environment_file=str(variables))
        repository.create(request([tree.source]))
    assert str(failed.value).endswith("local said no to [hidden]: connection refused")
    told = seen.read_text() + str(failed.value)
    assert not [secret for secret in ("hunter2", "seventeen", restic_repository.PASSWORD) if secret in told]


def test_limit_of_upload_is_given_in_kibibytes(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tree.bed.place / "arguments"
    with instead(tree, monkeypatch, f'echo "$@" >>{seen}\nexec "$REAL" "$@"'):
        tree.bed.open(limit_upload=10 * 1024 * 1024).create(request([tree.source]))
    assert "--limit-upload 10240 " in seen.read_text()


@pytest.mark.parametrize(("version", "asked"), [("0.14.0", False), ("0.15.0", True), ("0.17.3", True)])
def test_holes_are_made_by_a_restic_that_can(
    tree: Tree, monkeypatch: pytest.MonkeyPatch, version: str, asked: bool
) -> None:
    backup = tree.backup()
    told = tree.bed.place / "told"
    script = f"""case "$1" in
version) echo "restic {version} compiled with go1.19"; exit 0;;
restore) echo "$*" >{told}; for word; do shift; [ "$word" = --sparse ] || set -- "$@" "$word"; done;;
esac
exec "$REAL" "$@\""""
    target = tree.bed.place / "restored"
    target.mkdir()
    with instead(tree, monkeypatch, script):
        tree.bed.open().restore(backup, Selection(), str(target))
    assert ("--sparse" in told.read_text().split()) is asked
