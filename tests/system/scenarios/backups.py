"""Backups that are made, verified, restored to prove them, and removed: what the ledger says is what there is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.system.scenarios import earlier
from tests.system.scenarios.scenario import SUCCEEDED, Scenario, both, due_since_long
from tests.system.world import World

ROOT = Path(__file__).resolve().parents[3]


def backed_up_yesterday(world: World) -> None:
    """Leave a backup behind that the next one does not build on, as nobody remembers what it is of."""
    files = world.place / "files"
    files.mkdir()
    (files / "file").write_text("content")
    arguments = [str(world.agent.policies), str(world.agent.state), "save", str(files)]
    subprocess.run([sys.executable, "-m", earlier.__name__, *arguments], cwd=ROOT, check=True, capture_output=True)
    due_since_long(world)


def ledger_tells_what_there_is(world: World) -> None:
    """The newest backup is the only one that is left, and it is known, read and proven."""
    done = world.agent.command("backup", "list", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (listed,) = json.loads(done.stdout)["repositories"]
    (backup,) = listed["backups"]
    assert backup["good"]
    assert backup["proof"]["backup"] == backup["verification"]["backup"] == backup["id"]
    assert backup["verification"]["deep"]
    with world.store() as store:
        assert [one.id for one in store.ledger.known("local", "save")] == [backup["id"]]
        assert store.ledger.proofs("local").keys() == store.ledger.verifications("local").keys() == {backup["id"]}


SAVED = Scenario(
    name="backups",
    policy="""version: 1
repositories: {local: {tar: {path: $place/backups}}}
tasks:
  save:
    schedule: {cron: "@yearly", timezone: UTC}
    action: backup.create
    with: {repository: local, sources: [{path: $place/files}], verify: deep, keep: {last: 1}}
  drill:
    schedule: {cron: "@yearly", timezone: UTC}
    needs: [save]
    action: backup.drill
    with: {repository: local, task: save}
""",
    ends={"save": (SUCCEEDED,), "drill": (SUCCEEDED,)},
    # The last three: made and not yet journalled, about to be removed, removed and the ledger told.
    points=(
        *both("run/ledger.made", "run/ledger.verified", "run/ledger.removed", "run/ledger.proved"),
        *("run/step.done:before#3", "run/memory.remember:after#6", "run/memory.remember:before#7"),
    ),
    alone=True,
    prepare=backed_up_yesterday,
    prove=ledger_tells_what_there_is,
)

SCENARIOS = (SAVED,)
