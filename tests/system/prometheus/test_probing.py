"""Probes that ask a real Prometheus server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.signals import Sample
from tests.probes.kinds.measuring import Asked
from tests.system.prometheus.servers import Prometheus, prometheus

VALUE, LABELLED = "value", 'label_replace(vector(7), "job", "shop", "", "")'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus(tmp_path_factory.mktemp("prometheus") / "server", {}) as server:
        yield server


@pytest.mark.parametrize(
    ("query", "samples", "wrong"),
    [
        ("3 + 4", [Sample(VALUE, (), 7.0)], ""),
        (LABELLED, [Sample(VALUE, (("job", "shop"),), 7.0)], ""),
        ("no_such_metric", [], ""),
        ("vector(0) / 0", [], ""),
        ("vector(1) / 0", None, "no number that can be compared"),
        ("sum(", None, "status 400: invalid parameter"),
        ('"word"', None, "not an answer of Prometheus"),
        ("vector(1)[5m:1m]", None, "not an answer of Prometheus"),
    ],
)
def test_prometheus_gives_numbers_or_says_why_not(
    query: str, samples: list[Sample] | None, wrong: str, server: Prometheus, tmp_path: Path
) -> None:
    settings = {"url": f"http://{server.address}", "query": query}
    found = Asked(tmp_path, "prometheus", settings, 20.0).measured()
    assert wrong in found.error
    assert bool(found.error) == (samples is None)
    assert [one for one in found.samples if one.signal == VALUE] == (samples or [])
