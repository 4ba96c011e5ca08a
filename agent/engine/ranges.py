"""The past of signals as a Prometheus server has it: what it scraped of this agent, and what probes ask it for."""

from __future__ import annotations

import json
import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct

from agent.errors import RunFailed
from agent.host.http.fetch import Asked, fetch
from agent.host.output import visible
from agent.host.wires import NoAnswer
from agent.metrics import families as f
from agent.model.policies import PolicySet, Threshold
from agent.model.signals import Labels, Points, labels
from agent.probes.catalogue import SIGNALS
from agent.probes.offered import OFFERED

MOST_POINTS = 10_000
"""So many numbers of a series are asked for at a time; the server gives no more than 11,000."""

MOST_BYTES = 64 << 20
ROUNDED = 0.01
"""So many seconds off may an instant be that the server has rounded."""

TIMEOUT = 60.0


class Series(Struct):
    """One series of a matrix, with pairs of an instant and a number as text."""

    metric: dict[str, str]
    values: list[tuple[float, str]]


class Matrix(Struct, rename="camel"):
    """What a query over a range gives."""

    result_type: str
    result: list[Series]


class Reply(Struct):
    """What the server says."""

    status: str
    data: Matrix | None = None
    error: str = ""


class Expression(Struct, frozen=True):
    """What to ask for: `scale` times its numbers are those of the signal. `kept` are the labels of a series of it.

    None keeps all.
    """

    text: str
    scale: float = 1.0
    kept: tuple[str, ...] | None = None


Ask = Callable[[Asked, float], Any]
"""Ask a server within so many seconds; return an answer with `status` and `body`. Raises NoAnswer."""


def expression(policies: PolicySet, threshold: Threshold, instance: str) -> Expression:
    """Given a threshold, return what to ask a server that scrapes this agent as `instance`, "" for any.

    For a probe that asks a Prometheus server itself, it is the probe's own query.
    """
    group, _, what = threshold.signal.partition(".")
    probe = policies.probes.get(group)
    if probe is None:
        spec = SIGNALS.get(threshold.signal)
        if spec is None:
            wanted = {**_of(instance), "task": group, "signal": what, **threshold.labels}
            return Expression(_selector(f.TASK_VALUE.name, wanted), kept=("*",))
        selected = _selector(f.family_of(spec).name, {**_of(instance), **threshold.labels})
        return Expression(selected, 1 / f.scale_of(spec), spec.labels)
    if probe.kind == "prometheus" and what == "value":
        return Expression(str(probe.settings["query"]))
    found = OFFERED[probe.kind].signals.get(what)
    if found is None:
        wanted = {**_of(instance), "probe": group, "signal": what, **threshold.labels}
        return Expression(_selector(f.PROBE_VALUE.name, wanted), kept=("*",))
    selected = _selector(
        f.family_of_probe(probe.kind, found).name, {**_of(instance), "probe": group, **threshold.labels}
    )
    return Expression(selected, 1 / f.scale_of(found), found.labels)


def _of(instance: str) -> Mapping[str, str]:
    return {"instance": instance} if instance else {}


def _selector(name: str, wanted: Mapping[str, str]) -> str:
    matchers = ",".join(f"{label}={json.dumps(value, ensure_ascii=False)}" for label, value in wanted.items())
    return f"{name}{{{matchers}}}"


_OURS = ("__name__", "job", "instance", "probe", "task", "signal")


def fetched(
    url: str, asked: Expression, since: float, until: float, step: float, ask: Ask = fetch
) -> Mapping[Labels, Points]:
    """Given the address of a server and an expression, return its numbers by series, one for each `step` seconds.

    Raises RunFailed when the server does not answer, gives no numbers, or gives the same series of two agents.
    """
    times: dict[Labels, array[float]] = {}
    values: dict[Labels, array[float]] = {}
    for start, end in _stretches(since, until, step):
        seen: set[Labels] = set()
        for one in _asked(url, asked, start, end, step, ask):
            key = _key(asked, one.metric)
            if key in seen:
                raise RunFailed(f"{url} has {asked.text} of several agents: name one with --instance")
            seen.add(key)
            for at, number in _believed(url, one.values, start, end):
                value = number * asked.scale
                if math.isfinite(value):
                    times.setdefault(key, array("d")).append(at)
                    values.setdefault(key, array("d")).append(value)
    return {key: _points(times[key], values[key]) for key in times}


def _stretches(since: float, until: float, step: float) -> Iterator[tuple[float, float]]:
    start = since
    while start < until:
        end = min(until, start + step * (MOST_POINTS - 1))
        yield start, end
        start = end + step


def _asked(url: str, asked: Expression, start: float, end: float, step: float, ask: Ask) -> Sequence[Series]:
    body = urlencode({"query": asked.text, "start": f"{start:.3f}", "end": f"{end:.3f}", "step": f"{step:g}"})
    request = Asked(
        url=f"{url.rstrip('/')}/api/v1/query_range",
        method="POST",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=body.encode(),
        most=MOST_BYTES,
    )
    try:
        answer = ask(request, TIMEOUT)
        reply = msgspec.json.decode(answer.body, type=Reply)
    except NoAnswer as error:
        raise RunFailed(f"{url}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise RunFailed(f"{url}: status {answer.status}, and not an answer of Prometheus: {error}") from error
    if reply.status != "success" or reply.data is None or reply.data.result_type != "matrix":
        raise RunFailed(f"{url}: {visible(reply.error)[:300] or f'status {answer.status}'}")
    return reply.data.result


def _believed(url: str, values: Sequence[tuple[float, str]], start: float, end: float) -> Iterator[tuple[float, float]]:
    """Yield instants and numbers; raise RunFailed for what is none, not of the time asked for, or out of order."""
    last = -math.inf
    for at, text in values:
        if not last < at or not start - ROUNDED <= at <= end + ROUNDED:
            raise RunFailed(f"{url}: its numbers are out of order, or of another time than was asked for")
        last = at
        try:
            yield at, float(text.replace("_", "?"))  # Python alone takes 1_0 for a number
        except ValueError as error:
            raise RunFailed(f"{url}: {visible(text)[:80]} is not a number") from error


def _key(asked: Expression, metric: Mapping[str, str]) -> Labels:
    if asked.kept is not None and asked.kept != ("*",):
        return labels({name: metric[name] for name in asked.kept if name in metric})
    ours = _OURS if asked.kept is not None else ("__name__",)
    return labels({name: value for name, value in metric.items() if name not in ours})


def _points(times: array[float], values: array[float]) -> Points:
    steps = array("I", bytes(4 * len(times)))
    return Points(times, steps, values, values, values, array("d", [1.0]) * len(times))
