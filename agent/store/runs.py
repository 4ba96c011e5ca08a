"""Runs and the one mover: every change of a run's state goes through `Runs.advance`."""

from __future__ import annotations

import json
from operator import attrgetter
from typing import cast

from msgspec.structs import replace

from agent.errors import NotFound, StoreError
from agent.failpoints import reach
from agent.model.runs import MOVES, Origin, Run, RunState
from agent.store.chain import Chain
from agent.store.connection import Connection
from agent.store.outbox_rows import OF_ITS_OWN
from agent.store.run_notices import RunNotices
from agent.store.seal import Value, seal, verified

COLUMNS = Run.__struct_fields__
_COLUMN_LIST = ", ".join(COLUMNS)
_SELECT = f"SELECT {_COLUMN_LIST}, seal FROM runs"
_FIELDS = attrgetter(*COLUMNS)
_UNSKIPPED = f"state != '{RunState.SKIPPED}'"
PRUNED_AT_MOST = 5000
"""So many runs are forgotten at a time: whoever wants to write meanwhile waits for a quarter of a second."""

OUT_OF_ORDER = 50
"""Of the newest runs of a task that many may end in another order than they were made in."""

_OPEN = (RunState.PENDING, RunState.RUNNING, RunState.INTERRUPTED)


def _run(row: tuple[Value, ...]) -> Run:
    number, *sealed = row
    values = dict(zip(COLUMNS, (number, *verified("runs", sealed, number)), strict=True))
    values["state"] = RunState(str(values["state"]))
    values["origin"] = Origin(str(values["origin"]))
    return Run(**values)  # type: ignore[arg-type]  # the columns are the fields, in order


def _values(run: Run) -> tuple[Value, ...]:
    return cast(tuple[Value, ...], _FIELDS(run))


def _sealed(values: tuple[Value, ...]) -> str:
    """The seal covers all but the id, so that a row can be written at once with its seal."""
    return seal("runs", values[1:])


def _still_held(run: Run, seen: Run | None) -> bool:
    """Tell whether no process has claimed a run, and no attempt was made, since it was seen."""
    return seen is None or (run.pid, run.attempt) == (seen.pid, seen.attempt)


class Runs:
    """The runs of a store."""

    def __init__(self, connection: Connection, chain: Chain, notices: RunNotices) -> None:
        self._db = connection
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

    def get(self, number: int) -> Run:
        """Given a run's id, return the run. Raises NotFound."""
        rows = self._db.rows(f"{_SELECT} WHERE id = ?", (number,))
        if not rows:
            raise NotFound(f"there is no run {number}; `hostkeeper history` lists the runs")
        return _run(rows[0])

    def advance(
        self, number: int, was: RunState, to: RunState, *, why: str = "", held_by: Run | None = None, **changes: Value
    ) -> bool:
        """Move a run from one state to another, where the table allows it and it still stands where it was.

        `changes` are further columns to set with it. The first reason a run was given is kept. Returns False when
        somebody else moved it before, when it has ended, or when `held_by` is given and another process has claimed
        the run since. Raises StoreError on a move that the table does not know.
        """
        if to not in MOVES[was]:
            raise StoreError(f"run {number} cannot move from {was} to {to}")
        reach(f"run.{to}:before")
        with self._db.transaction():
            run = self.get(number)
            if run.ended is not None or run.state != was or not _still_held(run, held_by):
                return False
            self._write(replace(run, state=to, why=run.why or why, **changes))
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

    def open(self) -> list[Run]:
        """Return the runs that wait, run, or were interrupted, oldest first."""
        marks = ", ".join(f"'{state}'" for state in _OPEN)
        return [_run(row) for row in self._db.rows(f"{_SELECT} WHERE state IN ({marks}) ORDER BY id")]

    def begun(self) -> list[Run]:
        """Return every run that has begun and has no end yet, failed ones that are still being undone included."""
        return [_run(row) for row in self._db.rows(f"{_SELECT} WHERE ended IS NULL AND state <> 'pending' ORDER BY id")]

    def last_id(self) -> int:
        """Return the id of the newest run, 0 when there is none."""
        return int(self._db.rows("SELECT coalesce(max(id), 0) FROM runs")[0][0] or 0)

    def made_by_hand(self, after: int, up_to: int) -> list[int]:
        """Return the ids of the runs that the command line made, of those after one id and up to another."""
        values = (after, up_to, Origin.MANUAL.value, Origin.APPLY.value)
        rows = self._db.rows("SELECT id FROM runs WHERE id > ? AND id <= ? AND origin IN (?, ?)", values)
        return [int(row[0] or 0) for row in rows]

    def recent(self, limit: int, task: str | None = None, before: int | None = None, but: str = "") -> list[Run]:
        """Return up to `limit` runs, newest first, of one task or all: before an id, without those of a reason."""
        conditions = {"task = ?": task, "id < ?": before, "why != ?": but or None}
        named = {condition: value for condition, value in conditions.items() if value is not None}
        where = f"WHERE {' AND '.join(named)}" if named else ""
        rows = self._db.rows(f"{_SELECT} {where} ORDER BY id DESC LIMIT ?", (*named.values(), limit))
        return [_run(row) for row in rows]

    def ends_by_quarter(self, since: float) -> list[tuple[float, RunState, int]]:
        """Return how many runs ended how in each quarter of an hour since an instant: its start, the state, the count.

        Instants are seconds since the epoch.
        """
        rows = self._db.rows(
            "SELECT 900 * CAST(ended / 900 AS INTEGER) AS quarter, state, count(*) FROM runs "
            "WHERE ended >= ? GROUP BY quarter, state ORDER BY quarter, state",
            (since,),
        )
        return [(float(at or 0), RunState(str(state)), int(count or 0)) for at, state, count in rows]

    def latest(self, task: str) -> Run | None:
        """Return the newest run of a task."""
        found = self.recent(1, task)
        return found[0] if found else None

    def latest_unskipped(self) -> dict[str, Run]:
        """Return the newest run that was not skipped of every task that has one."""
        rows = self._db.rows(f"{_SELECT} WHERE id IN (SELECT max(id) FROM runs WHERE {_UNSKIPPED} GROUP BY task)")
        return {run.task: run for run in map(_run, rows)}

    def has_follower(self, run: Run) -> bool:
        """Tell whether a later run of the same task was made that was not skipped."""
        query = f"SELECT 1 FROM runs WHERE task = ? AND id > ? AND {_UNSKIPPED} LIMIT 1"
        return bool(self._db.rows(query, (run.task, run.id)))

    def ended_by_task(self, *, begun: bool = False) -> dict[str, Run]:
        """Return the newest ended run of every task that has one; with `begun`, the newest that was not skipped."""
        which = f"AND {_UNSKIPPED}" if begun else ""
        rows = self._db.rows(
            f"{_SELECT} WHERE id IN (SELECT max(id) FROM runs WHERE ended IS NOT NULL {which} GROUP BY task)"
        )
        return {run.task: run for run in map(_run, rows)}

    def failing(self) -> set[str]:
        """Return the tasks whose newest ended run, skipped ones aside, ended otherwise than it should."""
        newest = f"SELECT max(id) FROM runs WHERE ended IS NOT NULL AND {_UNSKIPPED} GROUP BY task"
        bad = (RunState.FAILED, RunState.UNDONE, RunState.STUCK, RunState.MISSED)
        rows = self._db.rows(f"SELECT task FROM runs WHERE id IN ({newest}) AND state IN (?, ?, ?, ?)", bad)
        return {str(task) for (task,) in rows}

    def last_end(self) -> dict[str, float]:
        """Return when the run of each task that had begun and ended last did end, in seconds since the epoch."""
        return self._last_end("started IS NOT NULL AND ended IS NOT NULL")

    def last_success(self) -> dict[str, float]:
        """Return when the run of each task that succeeded last did end, in seconds since the epoch."""
        return self._last_end(f"state = '{RunState.SUCCEEDED}'")

    def _last_end(self, condition: str) -> dict[str, float]:
        """By the order of the history: the clock may have been wrong, and set back since."""
        rows = self._db.rows(
            "SELECT task, ended, max(coalesce(seq, 0)) FROM (SELECT id, task, ended, row_number() OVER "
            f"(PARTITION BY task ORDER BY id DESC) AS place FROM runs WHERE {condition}) "
            "LEFT JOIN history ON kind = 'run' AND subject = CAST(id AS TEXT) WHERE place <= ? GROUP BY task",
            (OUT_OF_ORDER,),
        )
        return {str(row[0]): float(row[1]) for row in rows if isinstance(row[1], float | int)}

    def since(self, task: str, due: float) -> list[Run]:
        """Return the runs of a task whose due time is `due` or later, newest first."""
        return [
            _run(row) for row in self._db.rows(f"{_SELECT} WHERE task = ? AND due >= ? ORDER BY id DESC", (task, due))
        ]

    def due_after(self, task: str, instant: float) -> set[float]:
        """Return the due times of a task after an instant that have a run, in seconds since the epoch."""
        rows = self._db.rows(
            "SELECT due FROM runs WHERE task = ? AND due > ? AND origin IN ('schedule', 'catch_up')", (task, instant)
        )
        return {float(row[0]) for row in rows if isinstance(row[0], float | int)}

    def durations(self, task: str, limit: int = 100) -> list[float]:
        """Return how many seconds a task's latest runs took that succeeded at the first attempt, oldest first."""
        rows = self._db.rows(
            "SELECT ended - started FROM runs WHERE task = ? AND state = 'succeeded' AND attempt = 1 "
            "AND started IS NOT NULL ORDER BY id DESC LIMIT ?",
            (task, limit),
        )
        return [float(row[0]) for row in reversed(rows) if isinstance(row[0], float | int)]

    def at_work_since(self, task: str, instant: float, now: float) -> bool:
        """Tell whether a run of a task is at work at `now`, or ended since; one that was interrupted may wait long."""
        at_work = "task = ? AND ended IS NULL AND state NOT IN ('pending', 'interrupted')"
        latest = "SELECT started, ended FROM runs WHERE task = ? ORDER BY id DESC LIMIT 1000"
        ended = f"SELECT 1 FROM ({latest}) WHERE started IS NOT NULL AND ended BETWEEN ? AND ?"
        query = f"SELECT 1 FROM runs WHERE {at_work} UNION ALL {ended} LIMIT 1"
        return bool(self._db.rows(query, (task, task, instant, now)))

    def caused(self, cause: str, since: float, until: float, limit: int) -> list[Run]:
        """Return up to `limit` runs that a cause made between two instants and no other stood in for, oldest first."""
        where = f"WHERE cause = ? AND created BETWEEN ? AND ? AND {OF_ITS_OWN} ORDER BY id LIMIT ?"
        return [_run(row) for row in self._db.rows(f"{_SELECT} {where}", (cause, since, until, limit))]

    def begun_since(self, task: str, instant: float) -> list[float]:
        """Return when runs of a task started since an instant, oldest first."""
        rows = self._db.rows(
            "SELECT started FROM runs WHERE task = ? AND started >= ? ORDER BY started", (task, instant)
        )
        return [float(row[0]) for row in rows if isinstance(row[0], float | int)]

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
