"""What came of the runs of a stretch of time, counted where they are: nothing here grows with the history."""

from __future__ import annotations

from msgspec import Struct

from agent.model.runs import Origin, RunOutcome, RunState, StepState
from agent.store.chain import Kind
from agent.store.connection import Connection
from agent.store.outcomes import OUTCOME
from agent.store.seal import Value

_ENDED = "ended >= ? AND ended < ?"
_NUMBERS = (
    "FROM steps AS s JOIN runs AS r ON r.id = s.run AND r.ended >= ? AND r.ended < ?, "
    "json_each(CASE WHEN json_valid(s.facts) THEN s.facts ELSE '{}' END) AS f WHERE f.type IN ('integer', 'real')"
)


class Ending(Struct, frozen=True):
    """How many runs of a task ended alike for a reason, how many seconds they took in all, and the last of them.

    `timed` counts those that had begun, of which `seconds` is the sum.
    """

    task: str
    state: RunOutcome
    why: str
    count: int
    timed: int
    seconds: float
    last: float
    last_id: int


class Point(Struct, frozen=True):
    """A run that began: when it ended (seconds since the epoch), how many seconds it took, and how it ended."""

    ended: float
    seconds: float
    state: RunOutcome


class Caused(Struct, frozen=True):
    """How many runs of a task a threshold made, and when it made the last."""

    cause: str
    task: str
    count: int
    last: float


class Tally:
    """Counts over the runs that ended from one instant up to another, in seconds since the epoch."""

    def __init__(self, connection: Connection, since: float, until: float) -> None:
        self._db = connection
        self._span = (since, until)

    def endings(self) -> list[Ending]:
        """Return what ended how often, by task, outcome and reason."""
        rows = self._db.rows(
            f"SELECT task, {OUTCOME} AS outcome, why, count(*), count(started), coalesce(sum(ended - started), 0), "
            f"max(ended), max(id) FROM runs WHERE {_ENDED} GROUP BY task, outcome, why ORDER BY task, outcome, why",
            self._span,
        )
        return [
            Ending(
                str(task),
                RunOutcome(str(outcome)),
                str(why),
                _int(count),
                _int(timed),
                _num(seconds),
                _num(last),
                _int(top),
            )
            for task, outcome, why, count, timed, seconds, last, top in rows
            if outcome in _OUTCOMES
        ]

    def by_time(self, quantum: float) -> list[tuple[float, RunOutcome, int]]:
        """Given a number of seconds, return how many runs ended how from each multiple of it on."""
        rows = self._db.rows(
            f"SELECT CAST(ended / ? AS INTEGER), {OUTCOME}, count(*) FROM runs WHERE {_ENDED} GROUP BY 1, 2 ORDER BY 1",
            (quantum, *self._span),
        )
        return [(_num(at) * quantum, RunOutcome(str(how)), _int(n)) for at, how, n in rows if how in _OUTCOMES]

    def points(self, task: str, most: int) -> list[Point]:
        """Return up to about `most` of a task's runs that had begun, evenly drawn, oldest first."""
        where = f"task = ? AND started IS NOT NULL AND state <> ? AND {_ENDED}"
        values = (task, RunState.SKIPPED.value, *self._span)
        count = _int(self._db.rows(f"SELECT count(*) FROM runs WHERE {where}", values)[0][0])
        rows = self._db.rows(
            f"SELECT ended, ended - started, outcome FROM (SELECT ended, started, {OUTCOME} AS outcome, "
            f"row_number() OVER (ORDER BY id) AS place FROM runs WHERE {where}) WHERE place % ? = 0 ORDER BY ended",
            (*values, max(1, -(-count // most))),
        )
        return [Point(_num(ended), _num(took), RunOutcome(str(how))) for ended, took, how in rows if how in _OUTCOMES]

    def numbers(self) -> list[tuple[str, str, float]]:
        """Return by task the sum of each number that its steps have told, in order of task and name."""
        rows = self._db.rows(f"SELECT r.task, f.key, sum(f.value) {_NUMBERS} GROUP BY 1, 2 ORDER BY 1, 2", self._span)
        return [(str(task), str(name), _num(total)) for task, name, total in rows]

    def number_by_time(self, name: str, quantum: float) -> list[tuple[float, float]]:
        """Given the name of a number that steps tell, return its sum from each multiple of some seconds on."""
        rows = self._db.rows(
            f"SELECT CAST(r.ended / ? AS INTEGER), sum(f.value) {_NUMBERS} AND f.key = ? GROUP BY 1 ORDER BY 1",
            (quantum, *self._span, name),
        )
        return [(_num(place) * quantum, _num(total)) for place, total in rows]

    def taken_back(self) -> list[tuple[str, str, int, float]]:
        """Return steps that were undone: task, step, how often, and when their run last ended."""
        rows = self._db.rows(
            "SELECT r.task, s.name, count(*), max(r.ended) FROM steps AS s JOIN runs AS r ON r.id = s.run "
            "WHERE s.state = ? AND r.ended >= ? AND r.ended < ? GROUP BY 1, 2 ORDER BY 4 DESC",
            (StepState.UNDONE.value, *self._span),
        )
        return [(str(task), str(name), _int(count), _num(last)) for task, name, count, last in rows]

    def caused(self) -> list[Caused]:
        """Return what thresholds have made run, the most frequent first."""
        rows = self._db.rows(
            "SELECT cause, task, count(*), max(created) FROM runs WHERE origin = ? AND created >= ? AND created < ? "
            "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2",
            (Origin.THRESHOLD.value, *self._span),
        )
        return [Caused(str(cause), str(task), _int(count), _num(last)) for cause, task, count, last in rows]

    def policies(self, most: int) -> tuple[list[tuple[float, str]], int]:
        """Return the latest policy sets that were put in force, each with when, and how many there were in all."""
        where = "FROM history WHERE kind = ? AND at >= ? AND at < ?"
        values = (Kind.POLICIES.value, *self._span)
        count = _int(self._db.rows(f"SELECT count(*) {where}", values)[0][0])
        rows = self._db.rows(f"SELECT at, subject {where} ORDER BY seq DESC LIMIT ?", (*values, most))
        return [(_num(at), str(digest)) for at, digest in rows], count


_OUTCOMES = frozenset(outcome.value for outcome in RunOutcome)


def _int(value: Value) -> int:
    return int(value) if isinstance(value, int | float) else 0


def _num(value: Value) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
