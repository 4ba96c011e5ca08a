"""What the agent hands to the process that draws a page of it: the address asked for, and what no store knows."""

from __future__ import annotations

import json
from collections.abc import Mapping

from msgspec import Struct, field

from agent.model.signals import Labels


class Course(Struct, frozen=True):
    """How the signals went: numbers of each series at `times`, NaN where there was none, and the latest of each.

    Instants are seconds since the epoch. `errors` says by group of signals why it could not be measured.
    """

    times: tuple[float, ...] = ()
    series: Mapping[tuple[str, Labels], tuple[float, ...]] = field(default_factory=dict)
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
    course: Course = Course()


def encode(visit: Visit) -> bytes:
    """Given a visit, return it as JSON text."""
    course = visit.course
    keys = list(course.series.keys() | course.latest.keys())
    body = {
        **{name: getattr(visit, name) for name in visit.__struct_fields__ if name != "course"},
        "times": course.times,
        "errors": dict(course.errors),
        "series": [[*key, course.series.get(key, ()), course.latest.get(key)] for key in keys],
    }
    return json.dumps(body).encode()


def decode(text: bytes) -> Visit:
    """Given what `encode` made, return the visit."""
    body = json.loads(text)
    series, latest = {}, {}
    for signal, pairs, values, last in body.pop("series"):
        key = (signal, tuple((name, value) for name, value in pairs))
        if values:
            series[key] = tuple(values)
        if last is not None:
            latest[key] = last
    course = Course(tuple(body.pop("times")), series, latest, body.pop("errors"))
    return Visit(**body, course=course)
