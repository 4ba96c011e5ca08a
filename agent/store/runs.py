"""Runs and the one mover: every change of a run's state goes through `Runs.advance`."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import cast

from msgspec.structs import replace

from agent.errors import StoreError
from agent.failpoints import reach
from agent.model.runs import MOVES, Run, RunState
from agent.store.chain import Chain
from agent.store.connection import Connection
from agent.store.run_notices import RunNotices
from agent.store.run_reads import COLUMNS, RunReads
from agent.store.seal import Value, seal

_FIELDS = attrgetter(*COLUMNS)
PRUNED_AT_MOST = 5000
"""So many runs are forgotten at a time: whoever wants to write meanwhile waits for a quarter of a second."""

_ENDS_OF_WORK = frozenset({RunState.FAILED, RunState.SKIPPED})
"""Moves of a running run whose reason is why it ended, whatever had interrupted it before."""


def _values(run: Run) -> tuple[Value, ...]:
    return cast(tuple[Value, ...], _FIELDS(run))


def _sealed(values: tuple[Value, ...]) -> str:
    """The seal covers all but the id, so that a row can be written at once with its seal."""
    return seal("runs", values[1:])


def _still_held(run: Run, seen: Run | None) -> bool:
    """Tell whether no process has claimed a run, and no attempt was made, since it was seen."""
    return seen is None or (run.pid, run.attempt) == (seen.pid, seen.attempt)


class Runs(RunReads):
    """The runs of a store."""

    def __init__(self, connection: Connection, chain: Chain, notices: RunNotices) -> None:
        super().__init__(connection)
        self._chain = chain
        self._notices = notices

    def create(self, run: Run) -> int | None:
        """Given a pending run, write it and return its id, or None when its due time already has a run."""
        reach("run.create:before")
        with self._db.transaction():
            marks = ", ".join("?" * len(COLUMNS))
            names = ", ".join(COLUMNS[1:])
            values = _values(run)
            self._db.rows(
                f"INSERT OR IGNORE INTO runs ({names}, seal) VALUES ({marks})", (*values[1:], _sealed(values))
            )
            if not self._db.changes():
                return None
            number = self._db.last_id()
        reach("run.create:after")
        return number

    def advance(
        self, number: int, was: RunState, to: RunState, *, why: str = "", held_by: Run | None = None, **changes: Value
    ) -> bool:
        """Move a run from one state to another, where the table allows it and it still stands where it was.

        `changes` are further columns to set with it. The first reason a run was given is kept, but of one that was
        interrupted, went on and then failed or was skipped: the last. Returns False when somebody else moved it before,
        when it has ended, or when `held_by` is given and another process has claimed the run since. Raises StoreError
        on a move that the table does not know.
        """
        if to not in MOVES[was]:
            raise StoreError(f"run {number} cannot move from {was} to {to}")
        reach(f"run.{to}:before")
        with self._db.transaction():
            run = self.get(number)
            if run.ended is not None or run.state != was or not _still_held(run, held_by):
                return False
            ends = was is RunState.RUNNING and to in _ENDS_OF_WORK
            self._write(replace(run, state=to, why=(why or run.why) if ends else (run.why or why), **changes))
            if was is RunState.PENDING and to is RunState.RUNNING:
                self._notices.began(self.get(number))
        reach(f"run.{to}:after")
        return True

    def claim(
        self, number: int, attempt: int, *, pid: int, pid_started: float, boot: str, on_interrupt: str
    ) -> Run | None:
        """Take a run for this process; None when another process has it or a later attempt was made."""
        reach("run.claim:before")
        with self._db.transaction():
            run = self.get(number)
            if run.attempt != attempt or run.pid is not None or run.ended is not None:
                return None
            run = replace(run, pid=pid, pid_started=pid_started, boot=boot, on_interrupt=on_interrupt)
            self._write(run)
        reach("run.claim:after")
        return run

    def amend(self, number: int, *, held_by: Run | None = None, **changes: Value) -> bool:
        """Set columns other than the state.

        Returns False when the run has ended, and, with `held_by`, the run as the caller saw it, when it was moved or
        claimed since.
        """
        if "state" in changes:
            raise StoreError("the state of a run moves through Runs.advance alone")
        reach("run.amend:before")
        with self._db.transaction():
            run = self.get(number)
            moved = held_by is not None and (run.state is not held_by.state or not _still_held(run, held_by))
            if moved or run.ended is not None:
                return False
            self._write(replace(run, **changes))
        reach("run.amend:after")
        return True

    def _write(self, run: Run) -> None:
        values = _values(run)
        assignments = ", ".join(f"{name} = ?" for name in COLUMNS[1:])
        self._db.rows(
            f"UPDATE runs SET {assignments}, seal = ? WHERE id = ?",
            (*values[1:], _sealed(values), run.id),
        )
        if run.ended is not None:
            self._chain.run_ended(run.id, run.ended)
            self._notices.ended(run)

    def prune(self, before: float, now: float, keep_per_task: int = 20, at_most: int = PRUNED_AT_MOST) -> int:
        """Forget ended runs older than an instant, but never a task's latest ones; return how many.

        A run that does not stand as its record in the chain says stays, as evidence of whoever changed it. Both
        instants are seconds since the epoch; no more than `at_most` runs go at a time.
        """
        with self._db.transaction():
            rows = self._db.rows(
                "SELECT id FROM runs WHERE ended IS NOT NULL AND ended < ? AND id NOT IN ("
                "SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY task ORDER BY id DESC) AS place FROM runs) "
                "WHERE place <= ?) ORDER BY id LIMIT ?",
                (before, keep_per_task, at_most),
            )
            gone = [number for number in (int(row[0] or 0) for row in rows) if self._chain.vouches_for(number)]
            if gone:
                self._chain.pruned(gone, before, now)
                self._db.rows("DELETE FROM runs WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(gone),))
                self._db.rows("DELETE FROM documents WHERE digest NOT IN (SELECT document FROM runs)")
            self._chain.cut(before, now)
        return len(gone)
