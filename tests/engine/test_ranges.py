"""What is asked of a Prometheus server for the past of a signal, and which of its answers are believed."""

from __future__ import annotations

import itertools
import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from msgspec.structs import replace

from agent.engine.ranges import MOST_POINTS, Expression, expression, fetched
from agent.errors import RunFailed
from agent.host.http.fetch import Asked
from agent.host.wires import NoAnswer
from agent.model.conditions import Bound, Condition
from agent.model.policies import PolicySet, Position, Probe, Threshold
from tests.fakes import task
from tests.rules.test_replay import HOT, T0

AT = Position("p.yaml", 1, 1)
PROBES = {
    "home": Probe("home", "http", {}, 15.0, 5.0, 0.0, AT),
    "errors": Probe("errors", "prometheus", {"query": "sum(rate(errors[1m]))"}, 15.0, 5.0, 0.0, AT),
    "host": Probe("host", "ping", {}, 15.0, 5.0, 0.0, AT),
    "own": Probe("own", "textfile", {}, 15.0, 5.0, 0.0, AT),
}
POLICIES = PolicySet("digest", 1, {}, {"logs": task("logs")}, {}, probes=PROBES)


def on(signal: str, **labels: str) -> Threshold:
    return replace(HOT, condition=Condition(signal=signal, labels=labels, bound=Bound(above=1), clear=Bound(above=1)))


@pytest.mark.parametrize(
    ("threshold", "instance", "expected"),
    [
        (
            on("disk.used_percent", mountpoint='/a"b'),
            "shop:9750",
            Expression(
                'hostkeeper_host_disk_used_ratio{instance="shop:9750",mountpoint="/a\\"b"}', 100.0, ("mountpoint",)
            ),
        ),
        (on("load.1m"), "", Expression("hostkeeper_host_load_1m{}", 1.0, ())),
        (
            on("home.latency_seconds"),
            "",
            Expression('hostkeeper_probe_http_latency_seconds{probe="home"}', 1.0, ()),
        ),
        (on("home.up"), "", Expression('hostkeeper_probe_up{probe="home"}', 1.0, ())),
        (
            on("host.loss_percent"),
            "",
            Expression('hostkeeper_probe_ping_loss_percent{probe="host"}', 100.0, ()),
        ),
        (on("errors.value"), "shop:9750", Expression("sum(rate(errors[1m]))")),
        (
            on("own.jobs", queue="a"),
            "",
            Expression('hostkeeper_probe_value{probe="own",signal="jobs",queue="a"}', 1.0, ("*",)),
        ),
        (
            on("logs.lines"),
            "",
            Expression('hostkeeper_task_value{task="logs",signal="lines"}', 1.0, ("*",)),
        ),
    ],
)
def test_expression_is_what_this_agent_exports_or_what_the_probe_asks(
    threshold: Threshold, instance: str, expected: Expression
) -> None:
    assert expression(POLICIES, threshold, instance) == expected


class Server:
    """Answers every question with a body, and remembers the questions."""

    def __init__(self, body: Any, status: int = 200) -> None:
        self.body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.status = status
        self.asked: list[dict[str, list[str]]] = []

    def __call__(self, asked: Asked, _timeout: float) -> Server:
        assert asked.url == "http://server/api/v1/query_range"
        self.asked.append(parse_qs(asked.body.decode()))
        return self


def matrix(*series: tuple[dict[str, str], list[tuple[float, str]]]) -> dict[str, Any]:
    result = [{"metric": metric, "values": values} for metric, values in series]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


RATIO = Expression("x", 100.0, ("mountpoint",))


def test_numbers_are_scaled_and_those_that_are_none_left_out() -> None:
    root = {"__name__": "x", "instance": "a", "mountpoint": "/"}
    server = Server(matrix((root, [(T0, "0.5"), (T0 + 10, "NaN"), (T0 + 20, "+Inf"), (T0 + 30, "0.25")])))
    found = fetched("http://server/", RATIO, T0, T0 + 60, 10.0, server)
    assert list(found) == [(("mountpoint", "/"),)]
    assert list(found[(("mountpoint", "/"),)].times) == [T0, T0 + 30]
    assert list(found[(("mountpoint", "/"),)].mean) == [50.0, 25.0]
    assert server.asked == [
        {"query": ["x"], "start": [f"{T0:.3f}"], "end": [f"{T0 + 60:.3f}"], "step": ["10"]},
    ]


def test_long_stretch_is_asked_for_in_parts_that_the_server_gives() -> None:
    server = Server(matrix())
    assert fetched("http://server", RATIO, T0, T0 + 2.5 * MOST_POINTS * 10, 10.0, server) == {}
    spans = [(float(one["start"][0]), float(one["end"][0])) for one in server.asked]
    assert [round((end - start) / 10) + 1 for start, end in spans] == [MOST_POINTS, MOST_POINTS, MOST_POINTS // 2 + 1]
    assert all(later[0] - earlier[1] == 10.0 for earlier, later in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("body", "status", "wrong"),
    [
        (b"<html>", 200, "status 200, and not an answer of Prometheus"),
        (b'{"status": "success", "data": {"resultType": "matrix", "result": [{"metric"', 200, "not an answer"),
        ({"status": "error", "error": "parse error\x1b[2J"}, 400, "parse error"),
        ({"status": "success"}, 200, "status 200"),
        ({"status": "success", "data": {"resultType": "vector", "result": []}}, 200, "status 200"),
        (
            matrix(({"mountpoint": "/", "instance": "a"}, [(T0, "1")]), ({"mountpoint": "/", "instance": "b"}, [])),
            200,
            "several agents: name one with --instance",
        ),
        (matrix(({}, [(T0, "many")])), 200, "many is not a number"),
        (matrix(({}, [(T0, "1_0")])), 200, "is not a number"),
        (matrix(({}, [(T0 + 10, "1"), (T0, "1")])), 200, "out of order"),
        (matrix(({}, [(T0, "1"), (T0, "1")])), 200, "out of order"),
        (matrix(({}, [(1e18, "1")])), 200, "of another time"),
        (matrix(({}, [(T0 - 10, "1")])), 200, "of another time"),
    ],
)
def test_answer_that_cannot_be_believed_is_an_error(body: Any, status: int, wrong: str) -> None:
    with pytest.raises(RunFailed, match=wrong):
        fetched("http://server", RATIO, T0, T0 + 60, 10.0, Server(body, status))


def test_server_that_does_not_answer_is_named() -> None:
    def refuses(_asked: Asked, _timeout: float) -> Any:
        raise NoAnswer("connection refused")

    with pytest.raises(RunFailed, match="http://server: connection refused"):
        fetched("http://server", RATIO, T0, T0 + 60, 10.0, refuses)
