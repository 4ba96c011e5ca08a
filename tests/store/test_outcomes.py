"""The conditions of the store say of every row what the rule says of the run."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from msgspec.structs import replace

from agent.model.reasons import Reason
from agent.model.runs import BAD, IDLE, Origin, RunState
from agent.rules.outcomes import REFUSALS, outcome
from agent.store import Store
from agent.store.outcomes import BADLY, OUTCOME, REFUSED, TELLING
from tests.rules.test_retrying import FAILED

REASONS = ("", Reason.REPLACED, Reason.STEP_FAILED, Reason.KILLED, *sorted(REFUSALS))


def test_conditions_of_the_store_agree_with_the_rule_for_every_run(tmp_path: Path) -> None:
    rows = list(product(RunState, Origin, REASONS))
    listed = ", ".join(f"({place}, '{state}', '{origin}', '{why}')" for place, (state, origin, why) in enumerate(rows))
    with Store(str(tmp_path)) as store:
        found = store.connection.rows(
            f"WITH runs (id, state, origin, why) AS (VALUES {listed}) "
            f"SELECT {OUTCOME}, {BADLY}, {TELLING}, {REFUSED} FROM runs ORDER BY id"
        )
    for (state, origin, why), (told, bad, telling, refused) in zip(rows, found, strict=True):
        counted = outcome(replace(FAILED, state=state, origin=origin, why=why))
        assert told == counted, (state, origin, why)
        assert bool(bad) == (counted in BAD)
        assert bool(telling) == (counted not in IDLE)
        assert bool(refused) == (counted.value == "refused")
