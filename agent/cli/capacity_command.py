"""`hostkeeper capacity`: what will be full and when, as a table and as curves."""

from __future__ import annotations

import argparse
import os
from contextlib import nullcontext

from agent.cli.chart import drawn, is_plain
from agent.cli.output import broken, columns, emit_json, harmless, instant, table
from agent.cli.plan_command import open_private
from agent.cli.png import painter
from agent.cli.world import World
from agent.engine.capacity import Curve, curve, days, outlooks
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.readable import amount
from agent.report.capacity import alone
from agent.report.period import Period
from agent.rules.capacity import Outlook, named
from agent.rules.envelope import DAY
from agent.rules.forecast import LEVEL, State

MOST_CURVES = 5


def main(arguments: argparse.Namespace) -> int:
    """Print when what will be full."""
    world, now, paint = World(arguments), SystemClock().now().timestamp(), painter(arguments.png)
    policies = world.policies()
    store = world.store_if_any()
    with store if store is not None else nullcontext():
        found = outlooks(store, policies, now) if store is not None else []
    if arguments.series is not None:
        found = [one for one in found if arguments.series in named(one.key)]
        if not found:
            raise NotFound(
                f"no series with {arguments.series!r} in its name is looked ahead at; leave it out to see all"
            )
    host, period = os.uname().nodename, Period(now - 30 * DAY, now, world.zone)
    if arguments.output is not None:
        with os.fdopen(open_private(arguments.output), "w", encoding="utf-8") as file:
            file.write(alone(found, host, period, now))
    paint(found, host, period, now)
    if arguments.json:
        emit_json([_data(one) for one in found])
    if arguments.json or arguments.output is not None or arguments.png is not None:
        return ExitCode.OK
    if not found:
        print("there are no samples yet of anything that has a limit; the agent takes some every few seconds")
        return ExitCode.OK
    headings = ("what", "now", "limit", "a day", "days left", "in 4 cases of 5", "")
    print(table(headings, [_row(one) for one in found], columns(), ("a day",)))
    for one in (found if arguments.series is not None else days(found))[:MOST_CURVES]:
        print("\n".join(["", *broken(harmless(named(one.key)), columns()), *_framed(curve(one), world)]))
    return ExitCode.OK


def _row(one: Outlook) -> tuple[str, ...]:
    forecast = one.forecast
    known = forecast.state in (State.GROWING, State.STEADY)
    left = "-" if forecast.state is State.LEARNING else _days(forecast.days, forecast.reach)
    between = "-"
    if forecast.state is State.GROWING:
        between = f"{_days(forecast.soonest, forecast.reach)} to {_days(forecast.latest, forecast.reach)}"
    return (
        named(one.key),
        "-" if forecast.current is None else amount(forecast.current),
        amount(forecast.limit),
        f"{forecast.per_day:+.3g}" if known else "-",
        left,
        between,
        forecast.why or forecast.state.value,
    )


def _days(days_left: float | None, reach: float) -> str:
    return f"over {reach:.0f}" if days_left is None else f"{days_left:.1f}"


def _framed(picture: Curve, world: World) -> list[str]:
    """Return a curve with what its edges are."""
    rows = drawn(picture, plain=is_plain())
    marks = {0: amount(picture.high), len(rows) - 1: amount(picture.low)}
    wide = max(map(len, marks.values()))
    below = f"{instant(picture.start, world.zone)[:10]}  until  {instant(picture.end, world.zone)[:10]}"
    return [*(f"{marks.get(place, ''):>{wide}} {row}" for place, row in enumerate(rows)), f"{'':{wide}} {below}"]


def _data(one: Outlook) -> dict[str, object]:
    forecast = one.forecast
    return {
        "signal": one.key[0],
        "labels": dict(one.key[1]),
        "state": forecast.state.value,
        "why": forecast.why,
        "current": forecast.current,
        "limit": forecast.limit,
        "per_day": forecast.per_day,
        "days_left": forecast.days,
        "soonest": forecast.soonest,
        "latest": forecast.latest,
        "interval": LEVEL,
        "looks_ahead_days": forecast.reach,
        "since": forecast.since or None,
        "peaks_of_seconds": forecast.window,
        "expected": [
            {"in_days": level.days, "low": level.low, "likely": level.likely, "high": level.high}
            for level in forecast.ahead
        ],
    }
