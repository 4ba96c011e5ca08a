"""`hostkeeper replay`: when thresholds would have fired over what was recorded, and how often they would have acted."""

from __future__ import annotations

import argparse
import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import tzinfo

from msgspec.structs import asdict

from agent.cli.output import columns, duration, emit_json, harmless, instant, table
from agent.cli.stretch import stretch
from agent.cli.world import World
from agent.engine.ranges import expression, fetched
from agent.engine.replay import Replayed, Span, judged, replayed
from agent.errors import BadArgument, ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.model.policies import PolicySet
from agent.model.signals import Points
from agent.policy.nearest import suggest
from agent.readable import labelled, times
from agent.store import Store

ROWS = 20
"""So many firings of one series are listed; --json has all."""


def main(arguments: argparse.Namespace) -> int:
    """Replay thresholds of the policies as the files are now."""
    world = World(arguments)
    policies = world.policies()
    names = chosen(policies, arguments.threshold)
    span = span_of(arguments, world)
    if arguments.prometheus is not None:
        _check_address(arguments.prometheus)
        found = list(_of_server(arguments, policies, names, span))
    else:
        with Store(arguments.state, read_only=True) as store:
            found = replayed(store, policies, names, span)
    if arguments.json:
        emit_json([data(one) for one in found])
    else:
        print("\n".join(text(found, world.zone)))
    return ExitCode.OK


def chosen(policies: PolicySet, names: Sequence[str]) -> list[str]:
    """Given names of thresholds, return them, or all there are when none is given. Raises NotFound."""
    for name in names:
        if name not in policies.thresholds:
            raise NotFound(f"there is no threshold {name!r}: {suggest(name, policies.thresholds, 'thresholds')}")
    return list(names) or sorted(policies.thresholds)


def span_of(arguments: argparse.Namespace, world: World) -> Span:
    """Return the stretch of time that the arguments name. Raises BadArgument."""
    since, until = stretch(arguments, SystemClock().now().timestamp(), world.zone)
    return Span(since, until, world.zone, world.settings().sample_every)


def _check_address(url: str) -> None:
    """Raise BadArgument unless a server can be asked there; what may be a password is not repeated."""
    if not re.fullmatch(r"https?://(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:[0-9]{1,5})?(/[^\s?#]*)?", url):
        raise BadArgument("--prometheus is not the address of a server: give one such as http://127.0.0.1:9090")


def _of_server(
    arguments: argparse.Namespace, policies: PolicySet, names: Iterable[str], span: Span
) -> Iterable[Replayed]:
    for name in names:
        threshold = policies.thresholds[name]
        probe = policies.probes.get(threshold.signal.partition(".")[0])
        interval = span.interval if probe is None else probe.every
        # What is compared with another day needs that day too.
        early = span.since - (8 * 86_400 if threshold.condition.compare is not None else 0)
        asked = expression(policies, threshold, arguments.instance or "")
        if sys.stderr.isatty():
            print(f"asking {harmless(arguments.prometheus)} for {name}", file=sys.stderr)
        series = fetched(arguments.prometheus, asked, early, span.until, interval)
        wanted = {key: points for key, points in series.items() if threshold.labels.items() <= dict(key).items()}
        for key, points in sorted(wanted.items()):
            past = _Past(points, 3 * interval)
            yield judged(threshold, key, _from(points, span.since), span, interval, past)
        if not wanted:
            yield Replayed(name, tuple(sorted(threshold.labels.items())), span.since, span.until, None)


class _Past:
    """The value at an instant: the last one before it that is not too old."""

    def __init__(self, points: Points, within: float) -> None:
        self._points, self._within = points, within

    def __call__(self, at: float) -> float | None:
        place = bisect_right(self._points.times, at) - 1
        if place < 0 or at - self._points.times[place] > self._within:
            return None
        return self._points.mean[place]


def _from(points: Points, since: float) -> Points:
    first = bisect_left(points.times, since)
    values = points.mean[first:]
    return Points(points.times[first:], points.steps[first:], values, values, values, points.counts[first:])


def data(one: Replayed) -> dict[str, object]:
    """Given what became of a series, return it for `--json`."""
    outcome = None if one.outcome is None else asdict(one.outcome)
    return {**asdict(one), "series": dict(one.series), "outcome": outcome}


def text(found: Sequence[Replayed], zone: tzinfo) -> list[str]:
    """Given what became of each series, return it as lines, with instants in a zone."""
    if not found:
        return ["there are no thresholds"]
    headings = ("threshold", "series", "from", "fired", "for", "longest", "would run", "held", "numbers")
    lines = [table(headings, [_row(one, zone) for one in found], columns(), ("from",))]
    for one in found:
        if one.outcome is not None and one.outcome.episodes:
            lines += ["", f"{one.threshold} {labelled(one.series)}".rstrip()]
            for episode in one.outcome.episodes[:ROWS]:
                end = one.until if episode.cleared is None else episode.cleared
                still = "" if episode.cleared is not None else ", and still did at the end"
                lines.append(
                    f"  {instant(episode.fired, zone)}  for {duration(end - episode.fired)}, "
                    f"at worst {episode.worst:.6g}{still}"
                )
            more = len(one.outcome.episodes) - ROWS
            lines += [f"  and {more} more"] if more > 0 else []
    if any(one.outcome is not None and one.outcome.coarse for one in found):
        lines += ["", "Of what is old only means are kept: what was shorter than those is not seen."]
    return lines


def _row(one: Replayed, zone: tzinfo) -> tuple[str, ...]:
    outcome = one.outcome
    where = labelled(one.series) or "-"
    if outcome is None:
        damaged = ", damaged" if one.damaged else ""
        return (one.threshold, where, "-", "unknown", "-", "-", "-", "-", f"none{damaged}")
    lengths = [(one.until if e.cleared is None else e.cleared) - e.fired for e in outcome.episodes]
    coarse = f", {outcome.coarse} of them means" if outcome.coarse else ""
    return (
        one.threshold,
        where,
        instant(one.since, zone),
        times(len(outcome.episodes)),
        duration(sum(lengths)) if lengths else "-",
        duration(max(lengths)) if lengths else "-",
        str(outcome.acts),
        str(outcome.held),
        f"{outcome.points}{coarse}{f', {one.damaged} rows damaged' if one.damaged else ''}",
    )
