"""Tasks of a host with a server that pgBackRest backs up: made, proven and brought back as the engine does it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from agent.actions.backup import create, drill, restore
from agent.errors import RunFailed
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.actions import Outcome
from agent.policy.normalise import normalise, plan_of
from agent.ports import Context
from agent.schema import root
from tests.fakes import FakeLedger, context
from tests.system.backups.stanza import HOST, Stanza, memory, order
from tests.system.databases import servers

MODULES: dict[str, Any] = {"backup.create": create, "backup.drill": drill, "backup.restore": restore}


class World:
    """A host with its ledger, and the stanza as its policies define it."""

    def __init__(self, shop: Stanza, place: Path) -> None:
        self._repository = {
            "name": "pg",
            "driver": "pgbackrest",
            "settings": {"stanza": "demo", "config": str(shop.config), "user": servers.who().pw_name},
        }
        self._database = {"name": "shop", "driver": "postgresql", "settings": shop.server.settings("shop")}
        self.ledger = FakeLedger()
        self._place = place

    def run(self, action: str, **written: Any) -> dict[str, Outcome]:
        """Do all steps of a run; return what came of each by its name."""
        return {step.name: step.do() for step in self.steps(action, **written)}

    def steps(self, action: str, **written: Any) -> list[Any]:
        schema = json.loads(Path(root(), "actions", f"{action}.json").read_bytes())
        options: Any = normalise(plan_of(schema), {"repository": "pg", **written}, [])
        options["repository"] = self._repository
        for source in options.get("sources", ()):
            source["database"] = self._database if source["database"] else None
        return list(MODULES[action].plan(MODULES[action].Options(**options), self._context()))

    def _context(self) -> Context:
        made = context(ledger=self.ledger, host=HOST, processes=SystemProcesses(cgroups=False))
        clock = SystemClock()
        return replace(made, task="nightly", clock=clock, now=clock.now(), place=str(self._place / "place"))


@pytest.fixture
def world(shop: Stanza, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("TMPDIR", memory())
    return World(shop, tmp_path)


def test_server_is_backed_up_proven_and_brought_back_beside_itself(shop: Stanza, world: World) -> None:
    order(shop)
    made = world.run("backup.create", sources=[{"database": "shop"}], keep={"last": 5})["back-up"].facts
    assert made["level"] == "full"
    rows = shop.server.sql("select count(*) from orders", "shop")[0]
    asks = {"database": "shop", "sql": "select count(*) from orders", "equals": rows}
    facts = world.run("backup.drill", task="nightly", assertions=[asks])["restore"].facts
    assert {name: facts[name] for name in ("backup", "rows", "tables", "assertions")} == {
        "backup": made["backup"],
        "rows": int(rows),
        "tables": 1,
        "assertions": 1,
    }
    assert list(world.ledger.proofs("pg")) == [made["backup"]]
    check, stage = world.steps("backup.restore", task="nightly", backup="latest")
    check.do()
    staged = stage.do()
    assert os.path.exists(f"{staged.facts['directory']}/PG_VERSION")
    assert f"mv {staged.facts['directory']} {shop.server.data}" in staged.output
    stage.undo()
    assert not os.path.exists(str(staged.facts["directory"]))


def test_files_beside_the_server_are_refused_before_anything_is_done(world: World) -> None:
    check, *_ = world.steps("backup.create", sources=[{"database": "shop"}, {"path": "/etc"}])
    for act in (check.do, lambda: check.preview(lambda _: None)):
        with pytest.raises(RunFailed, match="back up /etc by another task"):
            act()
