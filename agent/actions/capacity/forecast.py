"""Say when disks, memory and whatever else has a limit will be full, and warn of what will be soon."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from agent.actions.capacity import _box
from agent.actions.capacity._judging import errors, judged
from agent.model.actions import Action, OnInterrupt, Outcome, Preview, Step
from agent.model.findings import Finding
from agent.model.policies import Severity
from agent.model.signals import Sample, labels
from agent.ports import Context
from agent.rules.capacity import Bounds, Outlook, chosen, looked, named
from agent.rules.envelope import DAY
from agent.rules.forecast import LEVEL, Forecast, State

RECORD = "forecasts"
RELIEF = 1.5
"""A warning ends once so many times the days are left that it began with."""

MOST = 200
"""So many series are looked ahead at, at most."""


class Options(Struct, frozen=True, kw_only=True):
    """Names and types; defaults and limits are in the schema. Durations are seconds."""

    signals: Sequence[Mapping[str, Any]]
    warn_within: float
    critical_within: float
    horizon: float
    least: float


def plan(options: Options, ctx: Context) -> Iterator[Step]:
    """Given valid options, yield the one step: it reads, and what it says replaces what it said before."""
    yield Step(
        name="look ahead",
        do=lambda: _do(options, ctx),
        preview=lambda _explain: Preview(f"look ahead at {len(_series(options, ctx)):,} series"),
        irreversible="it reads, and what it remembers is its own",
    )


def _series(options: Options, ctx: Context) -> list[Any]:
    found = chosen(options.signals, ctx.samples.series(), Bounds(horizon=options.horizon, least=options.least))
    return found[:MOST]


def _do(options: Options, ctx: Context) -> Outcome:
    now = ctx.now.timestamp()
    series = _series(options, ctx)
    before = ctx.memory.recall(RECORD)
    known: Mapping[str, Any] = before if isinstance(before, dict) else {}
    records: dict[str, Any] = {}
    samples: list[Sample] = []
    findings: list[Finding] = []
    counts = dict.fromkeys(State, 0)
    for number, outlook in enumerate(looked(ctx.samples.read, series, now)):
        ctx.checkpoint()
        ctx.progress(number, len(series), "series")
        name = named(outlook.key)
        records[name] = judged(known.get(name), outlook)
        counts[outlook.forecast.state] += 1
        samples += _numbers(outlook, errors(records[name]))
        warning = _warning(options, ctx.task, name, outlook.forecast)
        if warning is not None:
            findings.append(warning)
        elif _relieved(options, outlook.forecast):
            ctx.discoveries.settled(ctx.task, _id(name))
    ctx.discoveries.found(findings)
    ctx.discoveries.measured(ctx.task, now, samples)
    ctx.memory.remember(RECORD, records)
    return Outcome(
        {"series": len(series), "warnings": len(findings), **{state.value: counts[state] for state in State}}
    )


def _numbers(outlook: Outlook, past: tuple[float, float] | None) -> Iterable[Sample]:
    """Return what is told of a series: what grows so slowly that no day can be named has as many left as are seen."""
    forecast = outlook.forecast
    key = labels({**dict(outlook.key[1]), "signal": outlook.key[0]})
    if forecast.state is not State.LEARNING:
        for what, days in (
            ("days_left", forecast.days),
            ("days_left_soonest", forecast.soonest),
            ("days_left_latest", forecast.latest),
        ):
            yield Sample(what, key, forecast.reach if days is None else days)
        if forecast.state is not State.FULL:
            yield Sample("growth_per_day", key, forecast.per_day)
    if past is not None:
        yield Sample("past_error", key, past[0])
        yield Sample("past_within_percent", key, past[1])


def _warning(options: Options, task: str, name: str, forecast: Forecast) -> Finding | None:
    if forecast.days is None or forecast.days > options.warn_within / DAY:
        return None
    urgent = forecast.days <= options.critical_within / DAY
    return Finding(
        task=task,
        id=_id(name),
        severity=Severity.CRITICAL if urgent else Severity.WARNING,
        subject=name,
        sentence=sentence(forecast),
        remedy="free some of it, or make room; `hostkeeper capacity` shows how it went",
        first_seen=forecast.now,
        last_seen=forecast.now,
    )


def _relieved(options: Options, forecast: Forecast) -> bool:
    """Tell whether a warning is over: not while nothing can be said, and not at the first day more."""
    if forecast.state is State.LEARNING:
        return False
    return forecast.days is None or forecast.days > RELIEF * options.warn_within / DAY


def _id(name: str) -> str:
    return f"full-{name}"


def sentence(forecast: Forecast) -> str:
    """Given a forecast of what is full or will be, say so."""
    if forecast.state is State.FULL:
        return f"it is at its limit: {forecast.current:.4g} of {forecast.limit:.4g}"
    latest = f"{forecast.latest:.1f}" if forecast.latest is not None else f"more than {forecast.reach:.0f}"
    return (
        f"it is {forecast.current:.4g} of {forecast.limit:.4g} and changes by {forecast.per_day:+.3g} a day: "
        f"{forecast.days:.1f} days are left ({forecast.soonest or 0.0:.1f} to {latest} in {LEVEL:.0%} of such cases)"
    )


ACTION = Action(
    summary="Says when disks, memory and whatever has a limit will be full",
    options=Options,
    plan=plan,
    on_interrupt=lambda _options: OnInterrupt.RESUME,
    box=_box.forecast,
)
