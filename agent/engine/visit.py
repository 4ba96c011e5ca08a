"""What the agent hands to the process that draws a page of it: the address asked for, and what no store knows."""

from __future__ import annotations

import binascii
import json
from array import array
from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from agent.model.signals import Labels

_NONE = array("f")


class Course(Struct, frozen=True):
    """How the signals went: numbers of each series at `times`, NaN where there was none, and the latest of each.

    Instants are seconds since the epoch. `errors` says by group of signals why it could not be measured.
    """

    times: array[float] = field(default_factory=lambda: array("d"))
    series: Mapping[tuple[str, Labels], array[float]] = field(default_factory=dict)
    latest: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)


class Visit(Struct, frozen=True):
    """One request for a page. `query` is the address' part behind the question mark, as it came.

    `state` is the state directory; `concurrency`, `timezone` and `host_id` are the settings in force, and
    `sample_every` is seconds.
    """

    state: str
    query: str
    concurrency: int
    timezone: str
    host_id: str
    sample_every: float
    course: Course = field(default_factory=Course)


def encode(visit: Visit) -> bytes:
    """Given a visit, return it as JSON text."""
    course = visit.course
    keys = list(course.series.keys() | course.latest.keys())
    body = {
        **{name: getattr(visit, name) for name in visit.__struct_fields__ if name != "course"},
        "times": _packed(course.times),
        "errors": dict(course.errors),
        "series": [[*key, _packed(course.series.get(key, _NONE)), course.latest.get(key)] for key in keys],
    }
    return json.dumps(body).encode()


def _packed(numbers: array[float]) -> str:
    """Numbers as text, without making an object of each: the agent would keep the room that those take."""
    return binascii.b2a_base64(numbers.tobytes(), newline=False).decode("ascii")


def _unpacked(kind: Literal["f", "d"], text: str) -> array[float]:
    return array(kind, binascii.a2b_base64(text))


def decode(text: bytes) -> Visit:
    """Given what `encode` made, return the visit."""
    body = json.loads(text)
    series, latest = {}, {}
    for signal, pairs, values, last in body.pop("series"):
        key = (signal, tuple((name, value) for name, value in pairs))
        if values:
            series[key] = _unpacked("f", values)
        if last is not None:
            latest[key] = last
    course = Course(_unpacked("d", body.pop("times")), series, latest, body.pop("errors"))
    return Visit(**body, course=course)
