"""`hostkeeper signals`: what was measured, as the store keeps it: a table, and a curve of each series asked for."""

from __future__ import annotations

import argparse
from contextlib import nullcontext

from agent.cli.chart import Canvas, is_plain
from agent.cli.output import ago, broken, columns, emit_json, harmless, instant, table
from agent.cli.world import World
from agent.errors import BadArgument, ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.model.signals import Points
from agent.readable import amount
from agent.report.period import read_instant
from agent.rules.capacity import named

MOST_CURVES = 5


def main(arguments: argparse.Namespace) -> int:
    """Print what was measured."""
    world, now = World(arguments), SystemClock().now().timestamp()
    try:
        since = read_instant(arguments.since, now, world.zone)
    except (ValueError, OverflowError) as error:
        raise BadArgument(str(error)) from error
    store = world.store_if_any()
    with store if store is not None else nullcontext():
        keys = [key for key in store.samples.series() if (arguments.series or "") in named(key)] if store else []
        found = {named(key): store.samples.read(key, since, now + 1) for key in keys} if store else {}
    if arguments.series is not None and not found:
        raise NotFound(f"no series that is kept has {arguments.series!r} in its name; leave it out to see all")
    if arguments.json:
        emit_json([_data(name, points, whole=arguments.series is not None) for name, points in found.items()])
        return ExitCode.OK
    if not found:
        print("there are no samples yet; the agent keeps some every few minutes, if `samples.kept` is not 0s")
        return ExitCode.OK
    headings = ("series", "last", "lowest", "mean", "highest", "samples", "measured")
    print(
        table(headings, [_row(name, points, now) for name, points in found.items()], columns(), ("samples", "lowest"))
    )
    damaged = max(points.damaged for points in found.values())
    if damaged:
        print(f"{damaged} stretches of time are damaged in the store and left out")
    if arguments.series is not None:
        for name, points in list(found.items())[:MOST_CURVES]:
            print("\n".join(["", *broken(harmless(name), columns()), *_drawn(points, since, now, world)]))
    return ExitCode.OK


def _row(name: str, points: Points, now: float) -> tuple[str, ...]:
    if not points.times:
        return (name, "-", "-", "-", "-", "0", "-")
    count = sum(points.counts)
    mean = sum(value * number for value, number in zip(points.mean, points.counts, strict=True)) / count
    shown = (points.mean[-1], min(points.low), mean, max(points.high))
    return (name, *map(amount, shown), f"{count:.0f}", ago(points.times[-1], now))


def _drawn(points: Points, since: float, now: float, world: World) -> list[str]:
    if not points.times:
        return ["nothing was measured in this time"]
    canvas = Canvas()
    low, high = min(points.low), max(points.high)
    tall = high - low or 1.0
    places = []
    for time, least, most in zip(points.times, points.low, points.high, strict=True):
        x = (time - since) / (now - since)
        places += [(x, (value - low) / tall) for value in dict.fromkeys((least, most))]
    canvas.through(places)
    rows = canvas.lines(plain=is_plain())
    marks = {0: amount(high), len(rows) - 1: amount(low)}
    wide = max(map(len, marks.values()))
    below = f"{instant(since, world.zone)[:16]}  until  {instant(now, world.zone)[:16]}"
    return [*(f"{marks.get(place, ''):>{wide}} {row}" for place, row in enumerate(rows)), f"{'':{wide}} {below}"]


def _data(name: str, points: Points, *, whole: bool) -> dict[str, object]:
    last = {"series": name, "last": points.mean[-1] if points.times else None, "damaged": points.damaged}
    if not whole:
        return {**last, "at": points.times[-1] if points.times else None}
    return {
        **last,
        "points": [
            {"at": at, "seconds": step, "low": low, "mean": mean, "high": high, "samples": round(count)}
            for at, step, low, mean, high, count in zip(
                points.times, points.steps, points.low, points.mean, points.high, points.counts, strict=True
            )
        ],
    }
