"""What went wrong in a run without ending it: each step does its part, and the last one fails the run."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from agent.errors import Refused, RunFailed
from agent.model.actions import Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.ports import Context

_PROBLEMS = "problems"
_TOLD = 20


class Problems(Struct, frozen=True):
    """The problems of a run, remembered so that no process that is lost takes them along."""

    ctx: Context

    def note(self, step: str, texts: list[str], reason: Reason | None = None) -> None:
        """Given a step, remember all that it met; a reason is why it declined to act."""
        known = self._known()
        if texts or step in known:
            steps = {**known, step: [str(reason or ""), texts]}
            self.ctx.memory.remember(_PROBLEMS, {"run": self.ctx.run, "steps": steps})

    def _known(self) -> dict[str, list[object]]:
        noted = self.ctx.memory.recall(_PROBLEMS)
        return noted["steps"] if isinstance(noted, dict) and noted["run"] == self.ctx.run else {}

    def fail_if_any(self) -> None:
        """Raise RunFailed with all that went wrong, or Refused where a step declined and that is all."""
        told: list[str] = []
        reasons: list[str] = []
        for reason, texts in self._known().values():
            assert isinstance(texts, list)
            told += texts
            reasons += [str(reason)] if texts else []
        if not told:
            return
        more = f"\nand {len(told) - _TOLD:,} more" if len(told) > _TOLD else ""
        sentence = "\n".join(told[:_TOLD]) + more
        if all(reasons):
            raise Refused(reasons[0], sentence)
        raise RunFailed(sentence)

    def telling(self, first: Callable[[], None] = lambda: None) -> Step:
        """Return the last step of a run, which does something first and then fails it if something went wrong."""

        def do() -> Outcome:
            first()
            self.fail_if_any()
            return Outcome()

        return Step(
            name="tell",
            do=do,
            preview=lambda _explain: Preview("fail the run if anything is missing or damaged"),
            irreversible="it touches nothing",
        )
