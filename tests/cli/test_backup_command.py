"""`hostkeeper backup`: what it prints of a real repository, and what it answers to nonsense."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.cli.backups.place import this_host
from agent.cli.main import main
from agent.model.backups import Proof, Verification
from agent.store import Store
from tests.system.agent import AgentUnderTest, agent_in

POLICY = """version: 1
repositories:
  local: {{tar: {{path: {place}/repository}}}}
tasks:
  shop:
    action: backup.create
    with: {{repository: local, sources: [{{path: {place}/srv/shop}}], keep: {{last: 1}}}}
  other:
    action: command.run
    with: {{command: ["true"]}}
"""

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def agent() -> Iterator[AgentUnderTest]:
    """An agent whose task has made a full backup, and an incremental one of what had changed."""
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/tmp") as place, agent_in(Path(place)) as made:
        shop = made.place / "srv" / "shop"
        shop.mkdir(parents=True)
        (shop / "logo").write_text("logo")
        (shop / "gone").write_text("soon")
        made.policy(POLICY.format(place=made.place))
        assert made.command("run", "shop").returncode == 0
        (shop / "gone").unlink()
        (shop / "logo").write_text("another")
        (shop / "li\nne").write_text("odd")
        assert made.command("run", "shop").returncode == 0
        yield made


@pytest.fixture
def say(agent: AgentUnderTest, capsys: pytest.CaptureFixture[str]) -> Say:
    def said(*arguments: str) -> tuple[int, str, str]:
        code = main(["backup", *arguments, *agent.arguments])
        return code, *capsys.readouterr()

    return said


@pytest.fixture
def data(say: Say) -> Callable[..., Any]:
    def read(*arguments: str) -> Any:
        code, out, _ = say(*arguments, "--json")
        assert code == 0, out
        return json.loads(out)

    return read


def ids(data: Callable[..., Any]) -> list[str]:
    (listed,) = data("list")["repositories"]
    return [one["id"] for one in listed["backups"]]


def line_of(out: str, backup: str) -> str:
    """Return the line of a table that begins with a backup, or the beginning of its id."""
    (line,) = [line for line in out.splitlines() if line and backup.startswith(line.split()[0])]
    return line


def test_list_shows_every_backup_with_what_it_builds_on(say: Say, data: Callable[..., Any]) -> None:
    full, incremental = ids(data)
    code, out, _ = say("list")
    assert code == 0
    assert line_of(out, full).split()[1] == "full"
    assert "incremental" in line_of(out, incremental)
    assert "never" in out
    (listed,) = data("list", "--task", "shop")["repositories"]
    assert [one["parent"] for one in listed["backups"]] == ["", full]
    assert listed["backups"][1]["good"] is True
    assert listed["backups"][1]["id"] == incremental


def test_list_and_show_do_not_call_a_backup_proven_that_was_found_damaged_since(
    agent: AgentUnderTest, say: Say, data: Callable[..., Any]
) -> None:
    full, _ = ids(data)
    at = data("show", full)["ended"]
    try:
        with Store(str(agent.state)) as store:
            store.ledger.proved(
                Proof(repository="local", task="shop", backup=full, at=at, seconds=1.0, bytes=1, checks={})
            )
        assert (data("show", full)["proven"], data("show", full)["damaged"]) == (True, False)
        assert "restored in" in say("show", full)[1]
        with Store(str(agent.state)) as store:
            store.ledger.verified(
                Verification(
                    repository="local", task="shop", backup=full, at=at + 1, deep=True, bytes=1, flaws=("torn",)
                )
            )
        assert (data("show", full)["proven"], data("show", full)["damaged"]) == (False, True)
        assert "no more: found damaged after" in say("show", full)[1]
        assert "damaged" in line_of(say("list")[1], full)
    finally:
        with Store(str(agent.state)) as store:
            known = [one for one in store.ledger.known("local", "shop") if one.id == full]
            store.ledger.removed("local", [full])
            store.ledger.made(*known)


def test_list_where_what_a_backup_builds_on_is_gone_does_not_call_it_good(
    agent: AgentUnderTest, say: Say, data: Callable[..., Any], tmp_path: Path
) -> None:
    full, incremental = ids(data)
    (place,) = Path(agent.place, "repository").glob(f"*/shop/{full}")
    shutil.move(place, tmp_path / full)
    try:
        _, out, _ = say("list")
        (listed,) = data("list")["repositories"]
        shown = data("show", incremental)
    finally:
        shutil.move(tmp_path / full, place)
    assert "builds on what is not good" in out
    assert [(one["id"], one["good"]) for one in listed["backups"]] == [(incremental, False)]
    assert shown["good"] is False
    assert full in shown["broken"]


def test_list_of_a_repository_that_no_policy_names_finds_the_same(
    agent: AgentUnderTest, data: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    known = ids(data)
    nothing = ["--policies", "/nonexistent", "--state", "/nonexistent"]
    assert main(["backup", "list", "--repository-path", f"{agent.place}/repository", "--json", *nothing]) == 0
    (listed,) = json.loads(capsys.readouterr().out)["repositories"]
    assert [one["id"] for one in listed["backups"]] == known
    assert main(["backup", "list", "--repository-path", f"{agent.place}/repository", "--host", "no", *nothing]) == 0
    assert capsys.readouterr().out == f"no backups of that host, but of {this_host()}: name one with --host\n"


def test_list_of_what_is_no_repository_fails(say: Say) -> None:
    code, out, err = say("list", "--repository-path", "/nonexistent")
    assert (code, out) == (4, "")
    assert "is no repository" in err


def test_show_tells_of_a_backup_and_its_files(say: Say, data: Callable[..., Any], agent: AgentUnderTest) -> None:
    full, incremental = ids(data)
    shown = data("show", "latest", "--task", "shop", "--files")
    assert shown["id"] == incremental
    assert shown["chain"] == [full, incremental]
    assert f"{agent.place}/srv/shop/li\nne" in {entry["path"] for entry in shown["entries"]}
    code, out, _ = say("show", incremental, "--files")
    assert code == 0
    assert "li\\nne" in out
    assert f"{full} + {incremental}" in out


def test_find_says_which_backups_have_a_path(say: Say, data: Callable[..., Any], agent: AgentUnderTest) -> None:
    full, incremental = ids(data)
    assert [one["backup"] for one in data("find", "gone")] == [full]
    assert [one["size"] for one in data("find", f"{agent.place}/srv/**/logo")] == [4, 7]
    assert [one["backup"] for one in data("find", "shop/lo*")] == [full, incremental]
    assert say("find", "nothing")[0] == 8
    assert json.loads(say("find", "nothing", "--json")[1])["code"] == 8
    assert say("find", "/")[0] == 2


def test_find_goes_on_behind_a_backup_that_cannot_be_read(
    say: Say, data: Callable[..., Any], agent: AgentUnderTest, tmp_path: Path
) -> None:
    _, incremental = ids(data)
    copy = shutil.copytree(agent.place / "repository", tmp_path / "copy")
    (manifest,) = (path for path in copy.rglob("files.manifest*") if path.parent.name == incremental)
    manifest.write_bytes(b"")
    code, out, err = say("find", "logo", "--repository-path", str(copy))
    assert code == 4
    assert "logo" in out
    assert f"not everything could be searched: {incremental}" in err
    code, out, err = say("find", "logo", "--repository-path", str(copy), "--json")
    assert (code, [one["backup"] for one in json.loads(out)]) == (4, [ids(data)[0]])
    assert f"not everything could be searched: {incremental}" in err


def test_find_goes_on_behind_a_repository_that_is_gone(say: Say, agent: AgentUnderTest) -> None:
    policy = agent.policy("version: 1\nrepositories: {away: {tar: {path: /no/such}}}\n", "away.yaml")
    try:
        code, out, err = say("find", "logo")
    finally:
        policy.unlink()
    assert code == 4
    assert "srv/shop/logo" in out
    assert "not everything could be searched: all of away: /no/such is no repository" in err


def test_diff_says_what_came_changed_and_went(say: Say, data: Callable[..., Any]) -> None:
    full, incremental = ids(data)
    changes = {os.path.basename(one["path"]): one["what"] for one in data("diff", full, incremental)["changes"]}
    assert changes == {"gone": "removed", "li\nne": "added", "logo": "changed"}
    _, out, _ = say("diff", full, incremental)
    assert "logo (size, sha256, modified)" in out
    assert say("diff", full, full)[1] == "nothing has changed\n"


def test_explain_says_what_becomes_of_each_backup(say: Say, data: Callable[..., Any]) -> None:
    ((task),) = data("explain")
    assert [(one["kept"], one["reason"]) for one in task["backups"]] == [
        (True, "kept_by_rule"),
        (True, "needed_by_kept"),
    ]
    assert task["refused"] is None
    assert "shop: 2 kept, 0 would be removed" in say("explain", "--task", "shop")[1]


def test_explain_where_known_backups_are_not_listed_says_that_a_run_would_remove_nothing(
    agent: AgentUnderTest, say: Say, data: Callable[..., Any]
) -> None:
    with Store(str(agent.state)) as store:
        (known, *_) = store.ledger.known("local", "shop")
        store.ledger.made(replace(known, id="gone"))
    try:
        ((task),) = data("explain")
        assert task["refused"] == "listing_incomplete"
        assert len(task["backups"]) == 2
        first, second, *_ = say("explain", "--task", "shop")[1].splitlines()
    finally:
        with Store(str(agent.state)) as store:
            store.ledger.removed("local", ["gone"])
    assert first.startswith("shop: a run would remove nothing (listing_incomplete): 1 backups that this host made are")
    assert "(gone); if they were removed by hand, set `vanished: forget`" in first
    assert second == "by the rules alone: 2 kept, 0 removed"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["show", "zzz"], 8, "there is no backup 'zzz'"),
        (["show", "2"], 2, "give more of the id"),
        (["show", ""], 2, "the id is empty"),
        (["restore", "latest", "--task", "shop", "--path", ""], 2, "an argument is empty"),
        (["list", "--repository", "nope"], 8, "there is no repository 'nope'"),
        (["explain", "--task", "other"], 8, "has a `keep`"),
        (["drill", "other"], 2, "makes no backups"),
        (["drill", "shop", "--backup", ""], 2, "the id is empty"),
        (["drill", "shop", "--backup", "1", "--random"], 2, "not allowed with"),
        (["restore", "latest", "--task", "other"], 2, "makes no backups"),
        (["restore", "latest", "--task", "shop", "--to", "/"], 2, "no empty directory"),
        (["restore", "latest", "--task", "shop", "--to", "/etc"], 4, "/etc is not empty"),
        (["restore", "1999-01-01", "--task", "shop", "--to", "/tmp/hk-never"], 4, "no good backup fits"),
        (["restore", "latest", "--task", "shop", "--path", "/etc"], 4, "nothing at /etc"),
        (["restore", "latest", "--task", "shop", "--yes-on", "elsewhere"], 5, "nothing was touched"),
        (["restore", "latest", "--task", "shop", "--database", "x"], 8, "there is no database 'x'"),
        (["restore", "latest"], 2, "--task"),
        (["list", "--password-file", "/k"], 2, "name that as well"),
        (["list", "--restic", "/r"], 2, "--restic wants --password-file"),
        (["list", "--restic", "/r", "--password-file", "/k", "--identity", "/i"], 2, "restic has its --password-file"),
        (["list", "--restic", "/r", "--repository-path", "/r"], 2, "not allowed with"),
        (["recover", "--to", "/tmp"], 2, "--repository-path --restic is required"),
        (["nonsense"], 2, "invalid choice"),
    ],
)
def test_nonsense_is_answered_and_nothing_is_touched(
    say: Say, agent: AgentUnderTest, arguments: list[str], code: int, sentence: str
) -> None:
    before = sorted(path.name for path in (agent.place / "srv").rglob("*"))
    found, _, err = say(*arguments)
    assert found == code, err
    assert sentence in err
    assert sorted(path.name for path in (agent.place / "srv").rglob("*")) == before


def test_recover_without_a_root_or_a_host_fails(say: Say, agent: AgentUnderTest) -> None:
    where = ("recover", "--repository-path", f"{agent.place}/repository")
    assert say(*where, "--to", "/no/such")[0] == 8
    own = this_host()
    code, _, err = say(*where, "--to", "/tmp", "--host", f"{own}x")
    assert code == 8
    assert f"did you mean {own}?" in err
    assert say(*where, "--to", "/tmp", "--at", "rubbish")[0] == 2


def test_restore_that_would_fail_says_so_as_one_document(say: Say, tmp_path: Path) -> None:
    asked = ("restore", "latest", "--task", "shop", "--path", "/no/such", "--to", str(tmp_path / "to"))
    assert json.loads(say(*asked, "--dry-run", "--json")[1])["kind"] == "RunFailed"
