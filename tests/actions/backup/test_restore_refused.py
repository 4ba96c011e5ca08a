"""What `backup.restore` refuses before anything is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.drivers.repository import Damaged
from agent.errors import AgentError, Refused, RunFailed
from agent.host.tree import UnsafePath
from agent.model.policies import Limits
from agent.ports import Context
from tests.actions.backup.fakes import REPOSITORY, SHOP, Vault
from tests.actions.backup.restoring import DAMAGED, Run, options, staging, tree


def test_damaged_backup_touches_nothing(live: Path, vault: Vault, ctx: Context, tmp_path: Path) -> None:
    vault.damage["b1"] = "torn"
    with pytest.raises(Damaged, match="torn"):
        Run(options(paths=[str(live)]), ctx, vault).all()
    assert tree(live) == DAMAGED
    assert staging(tmp_path) == []


@pytest.mark.parametrize(("limits", "word"), [(Limits(items=2), "limits.items"), (Limits(bytes=5), "limits.bytes")])
def test_more_than_the_limits_allow_is_refused(
    live: Path, vault: Vault, ctx: Context, limits: Limits, word: str
) -> None:
    with pytest.raises(Refused, match=word):
        Run(options(paths=[str(live)]), replace(ctx, limits=limits), vault).all()
    assert tree(live) == DAMAGED


def hostile(live: Path) -> Iterator[bytes]:
    top = os.fsencode(live)
    yield from (top + b"/../../etc/passwd", b"etc/passwd", top + b"//x", top + b"/./x", top + b"/\0", b"")


def test_paths_that_lead_elsewhere_are_refused(live: Path, vault: Vault, ctx: Context) -> None:
    for path in hostile(live):
        vault.stored["b1"].files = {os.fsencode(live / "logo"): b"", path: b"x"}
        with pytest.raises(RunFailed, match="trust none"):
            Run(options(paths=[str(live)]), ctx, vault).all()


def test_place_that_others_control_is_refused(live: Path, vault: Vault, ctx: Context) -> None:
    live.parent.chmod(0o777)
    with pytest.raises(AgentError, match="sticky"):
        Run(options(paths=[str(live / "logo")]), ctx, vault).all()
    assert tree(live) == DAMAGED


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "nothing to bring back is named"),
        ({"tables": ["orders"], "paths": ["/x"]}, "exactly one database"),
        ({"tables": ["orders"], "databases": [SHOP], "to": "/x"}, "not into a directory"),
    ],
)
def test_options_without_sense_fail_when_planned(
    vault: Vault, ctx: Context, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(RunFailed, match=sentence):
        Run(options(**changes), ctx, vault).make()


def test_path_that_the_backup_lacks_fails(live: Path, vault: Vault, ctx: Context) -> None:
    with pytest.raises(RunFailed, match="nothing at"):
        Run(options(paths=[str(live / "never")]), ctx, vault).all()


def test_paths_in_one_another_fail(live: Path, vault: Vault, ctx: Context) -> None:
    for to in (None, str(live.parent / "to")):
        with pytest.raises(RunFailed, match="outer one alone"):
            Run(options(paths=[str(live), str(live / "deep")], to=to), ctx, vault).all()


@pytest.mark.root
def test_directory_in_which_others_decide_is_refused(live: Path, vault: Vault, ctx: Context) -> None:
    theirs = live.parent / "theirs"
    theirs.mkdir()
    os.chown(theirs, 12345, 12345)
    for to in (theirs, theirs / "new"):
        with pytest.raises(UnsafePath, match="others than root decide"):
            Run(options(to=str(to)), ctx, vault).all()
    assert os.listdir(theirs) == []


def test_repository_and_state_are_never_replaced(live: Path, vault: Vault, ctx: Context) -> None:
    inside = {**REPOSITORY, "settings": {"path": str(live / "backups")}}
    with pytest.raises(RunFailed, match="the repository is in"):
        Run(options(paths=[str(live)], repository=inside), ctx, vault).all()
    with pytest.raises(RunFailed, match="own state is in"):
        Run(options(paths=[str(live)]), replace(ctx, place=str(live / "state")), vault).all()


@pytest.mark.parametrize("kind", ["full", "file", "orphan"])
def test_target_that_is_not_empty_is_refused(vault: Vault, ctx: Context, tmp_path: Path, kind: str) -> None:
    there = tmp_path / "there"
    if kind == "full":
        (there / "inner").mkdir(parents=True)
    elif kind == "file":
        there.touch()
    else:
        there = tmp_path / "no" / "such"
    with pytest.raises(RunFailed, match=r"not empty|no directory|does not exist"):
        Run(options(to=str(there)), ctx, vault).all()


def test_store_of_the_agent_is_refused_before_anything_else_is_brought_back(vault: Vault, ctx: Context) -> None:
    state = os.path.dirname(os.path.dirname(ctx.place))
    store = {"name": "hostkeeper", "driver": "sqlite", "settings": {"path": f"{state}/hostkeeper.db"}}
    with pytest.raises(RunFailed, match="hostkeeper is the agent's own store"):
        Run(options(databases=[SHOP, store]), ctx, vault).until("check")


def test_preview_of_what_would_fail_says_so(live: Path, vault: Vault, ctx: Context) -> None:
    preview = Run(options(paths=[str(live / "never")]), ctx, vault).make()[0].preview(lambda _: None)
    assert preview.summary.startswith("fail: the backup has nothing at")
