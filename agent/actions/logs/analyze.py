"""Find what is new in logs: messages never seen before, and sudden changes of how many there are.

Each log and the journal are read from where the last run ended, whatever rotation did meanwhile. Messages are counted
by what they have in common; what is remembered of them, how far was read, and every count are written as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from msgspec import Struct

from agent.actions.logs import _box
from agent.actions.logs._analysis import JOURNAL, MISSING, Analysis, Bounds
from agent.actions.logs._reading import Journal
from agent.errors import AgentError, RunFailed
from agent.host.following import fits, logs_at
from agent.model.actions import Action, OnInterrupt, Outcome, Preview, Step
from agent.ports import Context

_NOTHING = "it reads, and what it remembers is its own"


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds, sizes bytes."""

    files: Sequence[str]
    journal: Mapping[str, Any] | None
    start: str
    learn: float
    report_from: str
    sudden_changes: bool
    max_templates: int
    forget_after: float
    max_bytes: int
    mask_addresses: bool
    missing: str


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield a step for each source, and one that concludes."""
    bounds = Bounds(
        most=options.max_bytes,
        templates=options.max_templates,
        forget_after=options.forget_after,
        learn=options.learn,
        least=options.report_from,
        sudden=options.sudden_changes,
    )
    analysis = Analysis(ctx, bounds, addresses=options.mask_addresses, from_end=options.start == "end")
    for pattern in options.files:
        yield _of_files(pattern, analysis, missing_ok=options.missing == "skip")
    if options.journal is not None:
        found = options.journal
        yield _of_journal(Journal(found["directory"], found["units"], ctx.processes), analysis)
    yield _concluding(options, analysis)


def _of_files(pattern: str, analysis: Analysis, *, missing_ok: bool) -> Step:
    def do() -> Outcome:
        paths = _found(pattern, analysis, missing_ok=missing_ok)
        before = analysis.state.tally.lines
        for path in paths:
            analysis.read_log(path, pattern, missing_ok=missing_ok)
        return Outcome({"logs": len(paths), "lines": analysis.state.tally.lines - before})

    def preview(_explain: object) -> Preview:
        try:
            paths = _found(pattern, analysis, missing_ok=missing_ok)
        except AgentError as error:
            return Preview(str(error), {"logs": 0})
        size = 0
        for path in paths:
            with suppress(AgentError, OSError), analysis.follower(path) as follower:
                for reading in follower.readings:
                    size += max(0, reading.candidate.size - reading.part.offset)
        return Preview(f"read about {size:,} bytes of {len(paths):,} logs", {"logs": len(paths), "bytes": size})

    return Step(name=f"read:{pattern}", do=do, preview=preview, irreversible=_NOTHING)


def _found(pattern: str, analysis: Analysis, *, missing_ok: bool) -> list[str]:
    """Return the logs of a pattern, and those that are rotated right now: their older files are to be finished."""
    try:
        paths = logs_at(pattern)
    except OSError as error:
        if missing_ok and isinstance(error, FileNotFoundError):
            return []
        raise RunFailed(f"{pattern}: {error.strerror}") from error
    paths = sorted({*paths, *(path for path in analysis.state.files if fits(path, pattern))})
    if not paths and not missing_ok:
        raise RunFailed(f"{pattern}: {MISSING}")
    return paths


def _of_journal(journal: Journal, analysis: Analysis) -> Step:
    def do() -> Outcome:
        before = analysis.state.tally.lines
        analysis.read_journal(journal)
        return Outcome({"lines": analysis.state.tally.lines - before})

    def preview(_explain: object) -> Preview:
        return Preview("read what is new in the journal" if analysis.state.cursor else "read the journal")

    return Step(name=f"read:{JOURNAL}", do=do, preview=preview, irreversible=_NOTHING)


def _concluding(options: Options, analysis: Analysis) -> Step:
    def do() -> Outcome:
        analysis.forget(options.files)
        tally = analysis.conclude()
        levels = {f"messages.{level}": number for level, number in sorted(tally.levels.items())}
        facts = {"lines": tally.lines, "new_templates": tally.new, "templates": len(analysis.state.templates)}
        return Outcome({**facts, **levels, **({"lost": tally.lost} if tally.lost else {})})

    def preview(_explain: object) -> Preview:
        known = len(analysis.state.templates)
        return Preview(f"tell what is new beside {known:,} known templates, and what changed", {"templates": known})

    return Step(name="conclude", do=do, preview=preview, irreversible=_NOTHING)


ACTION = Action(
    summary="Counts messages of logs by template, and finds new ones and sudden changes",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.analyze,
)
