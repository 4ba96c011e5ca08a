"""Notices of the runs of tasks, written in the transaction that writes how a run began or ended."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from agent.model.notices import Event, Notice
from agent.model.policies import Notify
from agent.model.runs import BAD, Run, RunOutcome
from agent.rules.outcomes import outcome
from agent.rules.retrying import is_retried
from agent.store.connection import Connection
from agent.store.outbox import Outbox
from agent.store.outcomes import BADLY, OUTCOME, TELLING

_EVENTS = {
    RunOutcome.SUCCEEDED: Event.SUCCESS,
    RunOutcome.FAILED: Event.FAILURE,
    RunOutcome.UNDONE: Event.FAILURE,
    RunOutcome.STUCK: Event.FAILURE,
    RunOutcome.MISSED: Event.MISSED,
    RunOutcome.SKIPPED: Event.SKIPPED,
}
_SAID = frozenset({RunOutcome.UNDONE, RunOutcome.STUCK})
_NOT_TRIED = frozenset({RunOutcome.SKIPPED, RunOutcome.MISSED, RunOutcome.REPLACED})
"""Ends of a retry after which what failed before it is told: it was not, since this was to follow."""


class _Retry(Struct, frozen=True):
    attempts: int = 1


class _Task(Struct, frozen=True):
    """What of a run's task notices need; a document of an earlier version has no `notify`."""

    description: str = ""
    notify: Notify | None = None
    retry: _Retry = _Retry()


class _Document(Struct, frozen=True):
    task: _Task


class RunNotices:
    """Leaves notices of runs whose task asks for them."""

    def __init__(self, connection: Connection, outbox: Outbox) -> None:
        self._db = connection
        self._outbox = outbox

    def began(self, run: Run) -> None:
        """A run has begun, for the first time."""
        task = self._task(run)
        if task is not None and task.notify is not None and Event.START in task.notify.on:
            self._put(task, task.notify, Event.START, run, run.started or run.created, "")

    def ended(self, run: Run) -> None:
        """A run has come to its end, whichever that is."""
        how = outcome(run)
        event = Event.FAILURE if how in _NOT_TRIED and run.tries > 1 else _EVENTS.get(how)
        task = self._task(run) if event is not None else None
        if event is None or task is None or task.notify is None:
            return
        on = task.notify.on
        if event is Event.FAILURE and is_retried(run, task.retry.attempts):
            event = Event.TRY
        elif event is Event.SUCCESS and Event.RECOVERY in on and self._before(run, Event.TRY in on) in BAD:
            event = Event.RECOVERY
        if event in on:
            parts = [
                f"it is {run.state}" if how in _SAID else "",
                run.why,
                run.detail,
            ]
            if event in (Event.FAILURE, Event.TRY) and task.retry.attempts > 1:
                parts.append(f"try {run.tries} of {task.retry.attempts}")
            self._put(task, task.notify, event, run, run.ended or run.created, ": ".join(filter(None, parts)))

    def _put(self, task: _Task, notify: Notify, event: Event, run: Run, at: float, detail: str) -> None:
        self._outbox.put(
            [
                Notice(
                    notifier=name,
                    event=event,
                    subject=run.task,
                    key=f"task:{run.task}",
                    severity=notify.severity,
                    at=at,
                    since=self._failing_since(run) if event is Event.RECOVERY else run.started or at,
                    description=task.description,
                    detail=detail,
                    run=run.id,
                )
                for name in notify.to
            ]
        )

    def _task(self, run: Run) -> _Task | None:
        rows = self._db.rows("SELECT body FROM documents WHERE digest = ?", (run.document,))
        # Most tasks tell nobody, and their documents need not be read.
        if not rows or '"notify":{' not in (text := str(rows[0][0])):
            return None
        return msgspec.json.decode(text, type=_Document).task

    def _failing_since(self, run: Run) -> float:
        """Given a run that succeeded again, return when the first one ended badly after the last success before it."""
        good = "SELECT max(id) FROM runs WHERE task = ? AND id < ? AND state = 'succeeded'"
        rows = self._db.rows(
            f"SELECT min(ended) FROM runs WHERE task = ? AND id < ? AND id > coalesce(({good}), 0) AND {BADLY}",
            (run.task, run.id, run.task, run.id),
        )
        return float(rows[0][0] or run.started or run.created)

    def _before(self, run: Run, tries_are_told: bool) -> str:
        """Return how the run of the same task before this one ended; "" if there was none.

        Those that were skipped or replaced are left out.

        Earlier tries for the same due time count where they are told.
        """
        rows = self._db.rows(
            f"SELECT {OUTCOME} FROM runs WHERE task = ? AND id < ? AND ended IS NOT NULL AND {TELLING} "
            "AND (due <> ? OR ?) ORDER BY id DESC LIMIT 1",
            (run.task, run.id, run.due, run.tries == 1 or tries_are_told),
        )
        return str(rows[0][0]) if rows else ""
