"""The journal of steps: `doing` is on disk before the act, `done` after it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from agent.errors import StoreError
from agent.failpoints import reach
from agent.model.actions import Fact
from agent.model.runs import StepRecord, StepState
from agent.store.connection import Connection
from agent.store.seal import seal, verified

_SELECT = "SELECT run, seq, name, state, started, ended, facts, error, output, seal FROM steps"


class Steps:
    """The steps of the runs of a store."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def of(self, run: int) -> list[StepRecord]:
        """Given a run's id, return its steps in order."""
        rows = self._db.rows(f"{_SELECT} WHERE run = ? ORDER BY seq", (run,))
        records = (verified("steps", row) for row in rows)
        return [
            StepRecord(
                run=int(r[0] or 0),
                seq=int(r[1] or 0),
                name=str(r[2]),
                state=StepState(str(r[3])),
                started=float(r[4] or 0),
                ended=None if r[5] is None else float(r[5]),
                facts=str(r[6]),
                error=str(r[7]),
                output=str(r[8]),
            )
            for r in records
        ]

    def write(
        self,
        run: int,
        seq: int,
        name: str,
        state: StepState,
        *,
        started: float,
        ended: float | None = None,
        facts: Mapping[str, Fact] | None = None,
        error: str = "",
        output: str = "",
    ) -> None:
        """Write where a step stands, replacing what the journal said of it.

        Raises StoreError when the run has ended: what the chain tells of does not change.
        """
        values = (run, seq, name, str(state), started, ended, json.dumps(dict(facts or {})), error, output)
        reach(f"step.{state}:before")
        with self._db.transaction():
            self._require_open(run)
            self._db.rows(
                "INSERT OR REPLACE INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, seal("steps", values))
            )
        reach(f"step.{state}:after")

    def _require_open(self, run: int) -> None:
        rows = self._db.rows("SELECT ended FROM runs WHERE id = ?", (run,))
        if rows and rows[0][0] is not None:
            raise StoreError(f"run {run} has ended, so its journal of steps is closed")
