"""A run whose backup was made in restic, and that ended before it could record how."""

from __future__ import annotations

import pytest

from agent.actions.backup import create
from agent.errors import RunFailed
from agent.host.processes import SystemProcesses
from agent.model.actions import Step
from agent.ports import Context
from tests.actions.backup.world import completed
from tests.fakes import FakeClock, context
from tests.system.backups.restic.tree import Tree, instead

pytestmark = pytest.mark.root


def steps(tree: Tree, ctx: Context) -> dict[str, Step]:
    written = {"repository": "local", "sources": [{"path": str(tree.source)}], "keep": {"last": 1}}
    options = completed("backup.create", written)
    options["repository"] = {"name": "local", "driver": "restic", "settings": tree.bed.settings()}
    return {step.name: step for step in create.plan(create.Options(**options), ctx)}


def test_run_resumed_after_its_snapshot_and_before_its_record_ends_with_a_good_backup(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    ctx = context(clock=clock, processes=SystemProcesses(), place=str(tree.bed.place / "task"))
    died = 'case "$*" in *--stdin-filename*) echo "Fatal: connection lost" >&2; exit 1;; esac\nexec "$REAL" "$@"'
    begun = steps(tree, ctx)
    begun["check"].do()
    with instead(tree, monkeypatch, died), pytest.raises(RunFailed, match="connection lost"):
        begun["back-up"].do()
    (unsettled,) = tree.repository.listing().backups
    assert unsettled.unsettled
    clock.advance(60)
    done = {name: step.do() for name, step in steps(tree, ctx).items()}
    assert done["back-up"].facts["flaws"] == 0
    good = [one.id for one in tree.repository.listing().backups if not one.flaws]
    assert good == [done["back-up"].facts["backup"]] == [done["verify"].facts["backup"]]
    assert steps(tree, ctx)["back-up"].do().facts["backup"] == good[0]
