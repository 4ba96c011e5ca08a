"""Execute a run's steps: each journalled before and after, undone backwards when one fails.

The process may die at any instant; what the journal says then is enough to go on or to take back, because the plan is
a pure function of the options, the instant the run started, and the journal.
"""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Sequence

from msgspec import Struct

from agent.errors import AgentError, Refused
from agent.host.journald import about
from agent.host.output import visible
from agent.model.actions import Fact, OnInterrupt, Outcome, Step
from agent.model.reasons import Reason
from agent.model.runs import SUSPENDED, Run, RunState, StepRecord, StepState
from agent.ports import Clock, StopRequested
from agent.rules.outcomes import is_refused_plan
from agent.store import Store

LOG = logging.getLogger(__name__)
TAKEN_BACK_WHEN_STOPPED_FOR = frozenset({Reason.MAX_DURATION, Reason.REPLACED})
"""Stop reasons after which a run does not go on later."""

SKIPPED = "skipped"
"""The fact by which the journal remembers the reason of a step that said that the rest need not be done."""


SET_SECONDS = 1.0
"""A wall clock that moved this much against the one that never steps was set, and a host stood still that slept so."""


class _StepFailure(Exception):
    """A step that did not succeed: the reason for the run's record, and a sentence or, for a bug, a trace."""

    def __init__(self, reason: Reason, detail: str) -> None:
        self.reason = reason
        super().__init__(detail)


class Execution(Struct, frozen=True):
    """One process's work on one run."""

    store: Store
    clock: Clock
    run: Run
    steps: Sequence[Step]
    on_interrupt: OnInterrupt

    def perform(self) -> RunState:
        """Do every step that the journal does not call done; return the state the run ended in."""
        done, lead = self._done(), self._lead()
        try:
            skipped = self._remaining_steps()
        except StopRequested:
            self._keep_time(lead)
            return self._stopped(fruitless=self._done() == done)
        except _StepFailure as failure:
            self._keep_time(lead)
            return self._fail(failure.reason, str(failure))
        self._keep_time(lead)
        return self._end(RunState.SKIPPED if skipped else RunState.SUCCEEDED, skipped, "")

    def _remaining_steps(self) -> Reason | None:
        """Do the steps that are not done; return why the rest need not be done, if a step says so."""
        journal = {record.seq: record for record in self.store.steps.of(self.run.id)}
        for seq, step in enumerate(self.steps):
            record = journal.get(seq)
            if record is not None and record.name != step.name:
                raise _StepFailure(Reason.CANNOT_RESUME, f"step {seq} was {record.name!r} and would be {step.name!r}")
            if record is not None and record.state is StepState.DONE:
                skipped = json.loads(record.facts).get(SKIPPED)
                if skipped is not None:
                    return Reason(skipped)
                continue
            outcome = self._do(seq, step)
            if outcome.skipped is not None:
                return outcome.skipped
        return None

    def _do(self, seq: int, step: Step) -> Outcome:
        started, suspended = self._now(), self.clock.suspended()
        self.store.steps.write(self.run.id, seq, step.name, StepState.DOING, started=started)
        try:
            outcome = step.do()
        except StopRequested:
            raise
        except Exception as error:  # every failure ends in the journal; what no person caused does so with its trace
            known = isinstance(error, AgentError | OSError)
            # Names of files may hold anything, also what cannot be written down.
            sentence = visible(str(error) if known else "".join(traceback.format_exception(error)))
            self.store.steps.write(
                self.run.id,
                seq,
                step.name,
                StepState.FAILED,
                started=started,
                ended=self._now(),
                facts=self._suspended_since(suspended),
                error=sentence,
            )
            reason = Reason(error.reason) if isinstance(error, Refused) else Reason.STEP_FAILED
            self._tell(step, StepState.FAILED, reason)
            raise _StepFailure(reason, f"{step.name}: {sentence}") from error
        self.store.steps.write(
            self.run.id,
            seq,
            step.name,
            StepState.DONE,
            started=started,
            ended=self._now(),
            facts={**_facts(outcome), **self._suspended_since(suspended)},
            output=visible(outcome.output),
        )
        self._tell(step, StepState.DONE, outcome.skipped or "")
        return outcome

    def _tell(self, step: Step, state: StepState, reason: str = "") -> None:
        level = logging.ERROR if state is StepState.FAILED else logging.INFO
        extra = about(task=self.run.task, run=self.run.id, step=step.name, outcome=state, reason=reason)
        LOG.log(level, "step %s %s", step.name, state, extra=extra)

    def _done(self) -> int:
        return sum(record.state is StepState.DONE for record in self.store.steps.of(self.run.id))

    def _stopped(self, *, fruitless: bool) -> RunState:
        reason = Reason(self.store.runs.get(self.run.id).stop or Reason.AGENT_STOPPING)
        if reason in TAKEN_BACK_WHEN_STOPPED_FOR:
            return self._fail(reason, "")
        times = self.run.fruitless + (fruitless and reason is Reason.WINDOW_ENDED)
        self.store.runs.advance(self.run.id, RunState.RUNNING, RunState.INTERRUPTED, why=reason, fruitless=times)
        return self.take_back() if self.on_interrupt is not OnInterrupt.RESUME else RunState.INTERRUPTED

    def _fail(self, reason: Reason, detail: str) -> RunState:
        begun = self._begun()
        if not any(self.steps[record.seq].undo for record in begun if record.seq < len(self.steps)):
            refused = is_refused_plan(self.run.origin, reason, begun)
            return self._end(RunState.SKIPPED if refused else RunState.FAILED, reason, detail)
        self.store.runs.advance(self.run.id, RunState.RUNNING, RunState.FAILED, why=reason, detail=detail)
        return self.take_back()

    def take_back(self) -> RunState:
        """Undo every begun step backwards; the run ends undone, stuck, or failed when nothing can be undone."""
        run = self.store.runs.get(self.run.id)
        for record in reversed(self._begun()):
            step = self.steps[record.seq] if record.seq < len(self.steps) else None
            if step is None or step.name != record.name:
                return self._end_from(run, RunState.STUCK, Reason.CANNOT_RESUME, f"step {record.name!r} is not planned")
            try:
                self._undo(record, step)
            except Exception as error:  # an undo that fails for whatever cause leaves the run for a person
                return self._end_from(run, RunState.STUCK, Reason.UNDO_FAILED, f"{step.name}: {visible(str(error))}")
        left = [self.steps[record.seq] for record in self._begun()]
        if not left:
            return self._end_from(run, RunState.UNDONE, None, "")
        detail = "; ".join(f"{step.name} cannot be taken back: {step.irreversible}" for step in left)
        if run.state is RunState.FAILED:
            self.store.runs.amend(run.id, ended=self._now(), detail="; ".join(filter(None, (run.detail, detail))))
            return RunState.FAILED
        return self._end_from(run, RunState.STUCK, Reason.CANNOT_RESUME, detail)

    def _undo(self, record: StepRecord, step: Step) -> None:
        if step.undo is None:
            return
        seq, started = record.seq, record.started
        self.store.steps.write(self.run.id, seq, step.name, StepState.UNDOING, started=started)
        step.undo()
        self.store.steps.write(self.run.id, seq, step.name, StepState.UNDONE, started=started, ended=self._now())
        self._tell(step, StepState.UNDONE)

    def _begun(self) -> list[StepRecord]:
        return [r for r in self.store.steps.of(self.run.id) if r.state is not StepState.UNDONE]

    def _end(self, state: RunState, reason: Reason | None, detail: str) -> RunState:
        return self._end_from(self.store.runs.get(self.run.id), state, reason, detail)

    def _end_from(self, run: Run, state: RunState, reason: Reason | None, detail: str) -> RunState:
        self.store.runs.advance(
            run.id,
            run.state,
            state,
            why=reason or "",
            detail="; ".join(part for part in (run.detail, detail) if part),
            ended=self._now(),
        )
        return state

    def _now(self) -> float:
        return self.clock.now().timestamp()

    def _keep_time(self, lead: float) -> None:
        """Given the lead as it was: where the clock was set since, let the run have started by the clock as it is now.

        Else the work would have taken what the clock was set by.
        """
        if abs(step := self._lead() - lead) >= SET_SECONDS:
            self.store.runs.amend(self.run.id, started=(self.run.started or self.run.created) + step)

    def _suspended_since(self, before: float) -> dict[str, Fact]:
        """Given for how long the host had been suspended before, return the fact that tells of more, if there is."""
        seconds = self.clock.suspended() - before
        return {SUSPENDED: round(seconds, 1)} if seconds >= SET_SECONDS else {}

    def _lead(self) -> float:
        """Return by how much the wall clock is ahead of the one that never steps."""
        return self.clock.seconds() - self.clock.monotonic()


def _facts(outcome: Outcome) -> dict[str, Fact]:
    """Facts of a step as the journal keeps them; objects are counted under `count.<reason>`."""
    skipped: dict[str, Fact] = {} if outcome.skipped is None else {SKIPPED: outcome.skipped}
    return {**outcome.facts, **{f"count.{reason}": number for reason, number in outcome.counts.items()}, **skipped}
