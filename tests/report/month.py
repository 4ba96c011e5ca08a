"""A month of a shop's host: what its agent would have in its store."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from agent.engine.submit import submit
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState, StepState
from agent.store import Store
from tests.fakes import task as a_task

HOSTILE = (
    "</title><script>document.title='owned'</script><img src=x onerror=document.title='owned'>\u202egnp.exe\x1b[31m"
)
POLICY = """version: 1
windows:
  nightly: {opens: "0 2 * * *", lasts: 3h, timezone: UTC}
tasks:
  backup-shop:
    schedule: "15 2 * * *"
    window: nightly
    action: command.run
    with: {command: [echo, backup]}
  check-mail: {schedule: every 10 minutes, action: command.run, with: {command: [echo, mail]}}
  clean-uploads:
    schedule: "@daily"
    window: nightly
    needs: [backup-shop]
    action: files.retain
    with: {paths: [/srv/shop/uploads/tmp], max_age: 7d}
    limits: {items: 50000}
  reindex-search: {schedule: "30 3 * * 0", action: command.run, with: {command: [echo, reindex]}}
  rotate-keys: {schedule: "0 4 1 * *", action: command.run, with: {command: [echo, keys]}}
  off: {schedule: "@daily", enabled: false, action: command.run, with: {command: [echo, off]}}
"""


class Month:
    """Writes the runs of thirty days before `now` into a store, every one as the agent would."""

    def __init__(self, store: Store, now: datetime, seed: int = 1) -> None:
        self._store = store
        self._now = now
        self._chance = random.Random(seed)

    def write(self, days: int = 30, mail_per_day: int = 24) -> None:
        """Write all of it; `mail_per_day` is how often the most frequent task ran."""
        with self._store.transaction():
            for day in range(days, 0, -1):
                self._day((self._now - timedelta(days=day)).replace(hour=0, minute=0, second=0), day, mail_per_day)
            self._store.holds.place(
                "root-filling",
                Reason.BREAKER_OPEN,
                "it acted 3 times in 1d and the disk is as full",
                self._now.timestamp() - 9e4,
            )

    def _day(self, midnight: datetime, day: int, mail_per_day: int) -> None:
        draw = self._chance
        at = midnight + timedelta(hours=2, minutes=15)
        takes = draw.gauss(1500 + 18 * (30 - day), 90)
        if day in (9, 10):
            self.run(
                "backup-shop", at, 40, RunState.FAILED, Reason.STEP_FAILED, "dump: connection refused", failed="dump"
            )
            self.skip("clean-uploads", at + timedelta(minutes=30), Reason.NEEDS_FAILED, "backup-shop")
        else:
            self.run("backup-shop", at, takes, RunState.SUCCEEDED)
            items = round(draw.lognormvariate(8, 0.5))
            facts = {
                "deleted": items,
                "deleted_bytes": items * 2_400_000,
                "count.too_old": items,
                "count.young_enough": 900,
            }
            self.run("clean-uploads", at + timedelta(minutes=30), 4 + items / 900, RunState.SUCCEEDED, facts=facts)
        for number in range(mail_per_day):
            moment = midnight + timedelta(minutes=number * 1440 / mail_per_day)
            if draw.random() < 0.02:
                self.skip("check-mail", moment, Reason.OVERLAP, "")
            else:
                self.run("check-mail", moment, draw.lognormvariate(0, 0.7), RunState.SUCCEEDED)
        if midnight.weekday() == 6:
            ends = RunState.UNDONE if day < 8 else RunState.SUCCEEDED
            why = Reason.MAX_DURATION if ends is RunState.UNDONE else ""
            self.run("reindex-search", midnight + timedelta(hours=3, minutes=30), draw.gauss(5400, 600), ends, why)
        if day in (4, 3):
            made = midnight + timedelta(hours=14)
            self.run("clean-uploads", made, 3, RunState.SUCCEEDED, cause="root-filling")
        if day == 2:
            self.run(HOSTILE, midnight, 5, RunState.FAILED, Reason.STEP_FAILED, HOSTILE, failed=HOSTILE)
            self._store.chain.policies("c0ffee" * 10, midnight.timestamp())

    def run(
        self,
        name: str,
        at: datetime,
        takes: float,
        state: RunState,
        why: str = "",
        detail: str = "",
        *,
        facts: dict[str, int] | None = None,
        failed: str = "",
        cause: str = "",
    ) -> None:
        """Write a run that began at an instant and took some seconds."""
        start = at.timestamp()
        origin = Origin.THRESHOLD if cause else Origin.SCHEDULE
        made = submit(self._store, a_task(name), policy="p", origin=origin, due=start, now=start, cause=cause)
        assert made is not None
        runs, steps = self._store.runs, self._store.steps
        runs.advance(made.id, RunState.PENDING, RunState.RUNNING, started=start, attempt=1)
        end = start + max(0.1, takes)
        if failed:
            steps.write(
                made.id, 0, failed, StepState.FAILED, started=start, ended=end, error=detail, output="tail\n" * 3
            )
        else:
            undone = state is RunState.UNDONE
            kind = StepState.UNDONE if undone else StepState.DONE
            steps.write(made.id, 0, "work", kind, started=start, ended=end, facts=facts or {"exit_code": 0})
        if state is RunState.UNDONE:
            runs.advance(made.id, RunState.RUNNING, RunState.FAILED, why=why)
            runs.advance(made.id, RunState.FAILED, state, ended=end)
        else:
            runs.advance(made.id, RunState.RUNNING, state, why=why, detail=detail, ended=end)

    def task_ran(self, name: str, ago: float, state: str, why: str, detail: str) -> None:
        """Write a run that began so many seconds ago."""
        self.run(name, self._now - timedelta(seconds=ago), 5, RunState(state), why, detail, failed=detail and "work")

    def skip(self, name: str, at: datetime, why: Reason, detail: str) -> None:
        """Write a run that was skipped."""
        due = at.timestamp()
        made = submit(self._store, a_task(name), policy="p", origin=Origin.SCHEDULE, due=due, now=due)
        assert made is not None
        self._store.runs.advance(made.id, RunState.PENDING, RunState.SKIPPED, why=why, detail=detail, ended=due)


def now() -> datetime:
    """Return the present to the minute."""
    return datetime.now(UTC).replace(second=0, microsecond=0)
