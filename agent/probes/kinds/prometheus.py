"""Asks a Prometheus server, or what talks like one, for the present value of an expression."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlencode

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from agent.host.http.fetch import fetch
from agent.host.output import visible
from agent.host.wires import NoAnswer
from agent.model.signals import Sample
from agent.probes.answers import MOST_SERIES, Down, sample
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.probes.kinds.http import asked_of
from agent.rules.exposition import BadText, number_of

MOST = 8 << 20
"""Bytes that an answer may have."""

Point = tuple[float, str]


class Series(Struct):
    """One series of a vector."""

    metric: dict[str, str]
    value: Point


class Vector(Struct, tag_field="resultType", tag="vector"):
    """The value of each series."""

    result: list[Series]


class Scalar(Struct, tag_field="resultType", tag="scalar"):
    """One number."""

    result: Point


class Reply(Struct):
    """What a server says; `data` only where the status is a success."""

    status: str
    data: Vector | Scalar | None = None
    error: str = ""
    warnings: list[str] = []


_reply = msgspec.json.Decoder(Reply)


class Query:
    """One expression."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._clock = tools.clock

    def measure(self, timeout: float) -> Measured:
        """Ask once."""
        http: dict[str, Any] = {
            **self._settings,
            "method": "POST",
            "body": urlencode({"query": self._settings["query"], "timeout": f"{timeout:g}s"}),
            "headers": {**self._settings["headers"], "Content-Type": "application/x-www-form-urlencoded"},
            "redirects": "none",
            "max_bytes": MOST,
        }
        asked = asked_of(http)
        asked = replace(asked, url=f"{asked.url.rstrip('/')}/api/v1/query")
        try:
            found = fetch(asked, timeout)
            reply = _reply.decode(found.body)
        except NoAnswer as error:
            raise Down(str(error)) from error
        except (ValueError, RecursionError) as error:
            raise Down(f"status {found.status}, and not an answer of Prometheus: {error}") from error
        return Measured(self._samples(found.status, reply))

    def _samples(self, status: int, reply: Reply) -> list[Sample]:
        if reply.status != "success" or status != 200:
            raise Down(f"status {status}: {visible(reply.error)[:300] or reply.status}")
        if reply.warnings:
            raise Down(f"it warns that the answer may be wrong: {visible(reply.warnings[0])[:300]}")
        if reply.data is None:
            raise Down("a success without data")
        points = (
            [({}, reply.data.result)]
            if isinstance(reply.data, Scalar)
            else [(one.metric, one.value) for one in reply.data.result]
        )
        if len(points) > MOST_SERIES:
            raise Down(f"{len(points)} series, of which there may be {MOST_SERIES}: aggregate in the query")
        samples = [
            sample("value", value, {label: text for label, text in metric.items() if label != "__name__"})
            for metric, point in points
            if not math.isnan(value := self._number(point))
        ]
        if len({one.labels for one in samples}) < len(samples):
            raise Down("series that differ in their names alone: name one in the query")
        return samples

    def _number(self, point: Point) -> float:
        at, text = point
        off = at - self._clock.now().timestamp()
        if not abs(off) <= self._settings["max_skew"]:
            raise Down(f"a value of {abs(off):.0f} s {'ahead' if off > 0 else 'ago'}: one of the clocks is wrong")
        try:
            return number_of(text)
        except BadText as error:
            raise Down(str(error)) from error


def connect_to(_name: str, settings: Settings, tools: Tools) -> Query:
    """Return the probe."""
    return Query(settings, tools)


KIND = Kind(connect=connect_to)
