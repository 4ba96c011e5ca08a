"""Delete files that a rule no longer wants kept, and say why each is kept or deleted.

The run looks before it touches: first the limits, the history of earlier runs and the clock are checked against what
is selected, then each path is cleaned in one walk. What cannot be read or deleted does not keep the rest from being
cleaned, but the last step fails the run for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from agent.actions.files import _box
from agent.actions.files._account import Problems
from agent.actions.files._deleting import Deleting
from agent.actions.files._emptying import Emptying
from agent.actions.files._guard import Guard
from agent.actions.files._place import Place
from agent.model.actions import Action, OnInterrupt, Outcome, Preview, Step
from agent.ports import Context
from agent.rules.patterns import Patterns, picks
from agent.rules.ranking import Budgets
from agent.rules.retention import GroupBy, Rule

_GONE = "deleted files cannot be brought back"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds, sizes bytes."""

    paths: Sequence[str]
    match: Sequence[str]
    exclude: Sequence[str]
    max_age: float | None
    max_count: int | None
    max_size: int | None
    keep_latest: int
    min_age: float
    group_by: str
    max_depth: int | None
    cross_mounts: bool
    symbolic_links: bool
    empty_directories: bool
    empty_directory_age: float
    missing: str
    beyond_history: str
    suspect_clock: str


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield a step that checks the limits, the steps of each path, and one that tells failures."""
    rule = rule_of(options, ctx.now)
    places = [
        Place(
            path=path,
            rule=rule,
            picked=picks(options.match),
            cross_mounts=options.cross_mounts,
            max_depth=options.max_depth,
            checkpoint=ctx.checkpoint,
        )
        for path in options.paths
    ]
    guard = Guard(
        ctx, places, heed_clock=options.suspect_clock == "refuse", heed_history=options.beyond_history == "refuse"
    )
    problems = Problems(ctx)
    yield _checking(guard)
    for place in places:
        name = f"retain:{place.path}"
        deleting = Deleting(name, place, ctx, guard, problems, skip_missing=options.missing == "skip")
        yield Step(name=name, do=deleting.do, preview=deleting.preview, irreversible=_GONE)
        if options.empty_directories:
            name = f"empty-directories:{place.path}"
            emptying = Emptying(name, place, ctx, guard, problems, min_age=_nanoseconds(options.empty_directory_age))
            yield Step(name=name, do=emptying.do, preview=emptying.preview, irreversible=_GONE)
    yield _telling(guard, problems)


def rule_of(options: Options, now: datetime) -> Rule:
    """Given options and the instant that ages are counted from, return the rule."""
    return Rule(
        now=(now - _EPOCH) // timedelta(microseconds=1) * 1000,
        match=Patterns(options.match),
        exclude=Patterns(options.exclude),
        min_age=_nanoseconds(options.min_age),
        max_age=None if options.max_age is None else _nanoseconds(options.max_age),
        budgets=Budgets(options.keep_latest, options.max_count, options.max_size),
        group_by=GroupBy(options.group_by),
        links=options.symbolic_links,
    )


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000) * 1000


def _checking(guard: Guard) -> Step:
    def preview(_explain: object) -> Preview:
        selected, refusal = guard.refusal()
        facts = {"selected": selected.items, "selected_bytes": selected.bytes, "seen": selected.seen}
        if refusal is not None:
            return Preview(f"refuse the run: {refusal[1]}", {**facts, "refused": str(refusal[0])}, str(refusal[0]))
        return Preview(f"{selected.items:,} of {selected.seen:,} files are selected, within all limits", facts)

    def do() -> Outcome:
        guard.check()
        return Outcome()

    return Step(name="check-limits", do=do, preview=preview, irreversible="it touches nothing")


def _telling(guard: Guard, problems: Problems) -> Step:
    def do() -> Outcome:
        guard.remember_clocks()
        problems.fail_if_any()
        return Outcome()

    def preview(_explain: object) -> Preview:
        return Preview("fail the run if anything could not be read or deleted")

    return Step(name="verify", do=do, preview=preview, irreversible="it touches nothing")


ACTION = Action(
    summary="Deletes files by age, count and size, and empty directories",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.retain,
)
