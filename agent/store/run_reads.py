"""What the store tells of runs; nothing here changes one."""

from __future__ import annotations

from agent.errors import NotFound
from agent.model.runs import SUSPENDED, Origin, Run, RunOutcome, RunState
from agent.store.connection import Connection
from agent.store.outbox_rows import OF_ITS_OWN
from agent.store.outcomes import BADLY, OUTCOME, REFUSED, TELLING
from agent.store.seal import Value, verified

COLUMNS = Run.__struct_fields__
_COLUMN_LIST = ", ".join(COLUMNS)
_SELECT = f"SELECT {_COLUMN_LIST}, seal FROM runs"
_UNSKIPPED = f"state != '{RunState.SKIPPED}'"

OUT_OF_ORDER = 50
"""Of the newest runs of a task that many may end in another order than they were made in."""

_OPEN = (RunState.PENDING, RunState.RUNNING, RunState.INTERRUPTED)

LOOKED_INTO = 60.0
"""Into the steps of shorter runs nobody looks for that, in seconds: it costs, and no window is missed by so little."""

_SUSPENDED = (
    f"CASE WHEN ended - started < {LOOKED_INTO} THEN 0 ELSE coalesce((SELECT sum("
    f"CASE WHEN facts LIKE '%\"{SUSPENDED}\"%' AND json_valid(facts) THEN json_extract(facts, '$.{SUSPENDED}') END"
    ") FROM steps WHERE run = runs.id), 0) END"
)
"""For how many seconds the host was suspended while the steps of a run were at work."""


def _run(row: tuple[Value, ...]) -> Run:
    number, *sealed = row
    values = dict(zip(COLUMNS, (number, *verified("runs", sealed, number)), strict=True))
    values["state"] = RunState(str(values["state"]))
    values["origin"] = Origin(str(values["origin"]))
    return Run(**values)  # type: ignore[arg-type]  # the columns are the fields, in order


class RunReads:
    """The runs of a store, to look at."""

    def __init__(self, connection: Connection) -> None:
        self._db = connection

    def get(self, number: int) -> Run:
        """Given a run's id, return the run. Raises NotFound."""
        rows = self._db.rows(f"{_SELECT} WHERE id = ?", (number,))
        if not rows:
            raise NotFound(f"there is no run {number}; `hostkeeper history` lists the runs")
        return _run(rows[0])

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

    def ends_by_quarter(self, since: float) -> list[tuple[float, RunOutcome, int]]:
        """Return how many runs ended how in each quarter of an hour since an instant: its start, how, the count.

        Instants are seconds since the epoch.
        """
        rows = self._db.rows(
            f"SELECT 900 * CAST(ended / 900 AS INTEGER) AS quarter, {OUTCOME} AS outcome, count(*) FROM runs "
            "WHERE ended >= ? GROUP BY quarter, outcome ORDER BY quarter, outcome",
            (since,),
        )
        return [(float(at or 0), RunOutcome(str(how)), int(count or 0)) for at, how, count in rows]

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

    def ended_by_task(self, *, telling: bool = False) -> dict[str, Run]:
        """Return the newest ended run of every task that has one; with `telling`, that says whether it is well.

        One that was skipped or replaced does not.
        """
        which = f"AND {TELLING}" if telling else ""
        rows = self._db.rows(
            f"{_SELECT} WHERE id IN (SELECT max(id) FROM runs WHERE ended IS NOT NULL {which} GROUP BY task)"
        )
        return {run.task: run for run in map(_run, rows)}

    def failing(self) -> set[str]:
        """Return the tasks whose newest ended run, skipped and replaced ones aside, ended otherwise than it should."""
        newest = f"SELECT max(id) FROM runs WHERE ended IS NOT NULL AND {TELLING} GROUP BY task"
        return {str(task) for (task,) in self._db.rows(f"SELECT task FROM runs WHERE id IN ({newest}) AND {BADLY}")}

    def last_end(self) -> dict[str, float]:
        """Return when the run of each task that had begun and ended last did end, in seconds since the epoch."""
        return self._last_end(f"started IS NOT NULL AND ended IS NOT NULL AND NOT {REFUSED}")

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
        """Return how many seconds a task's latest runs took that succeeded at the first attempt, oldest first.

        Without those for which the host was suspended.
        """
        rows = self._db.rows(
            f"SELECT ended - started - {_SUSPENDED} FROM runs WHERE task = ? AND state = 'succeeded' AND attempt = 1 "
            "AND started IS NOT NULL ORDER BY id DESC LIMIT ?",
            (task, limit),
        )
        return [max(0.0, float(row[0])) for row in reversed(rows) if isinstance(row[0], float | int)]

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
        """Return when runs of a task started since an instant, oldest first; plans that were refused did nothing."""
        query = f"SELECT started FROM runs WHERE task = ? AND started >= ? AND NOT {REFUSED} ORDER BY started"
        rows = self._db.rows(query, (task, instant))
        return [float(row[0]) for row in rows if isinstance(row[0], float | int)]
