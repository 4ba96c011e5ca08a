"""What the paths of the server answer."""

from __future__ import annotations

import gzip

import pytest

from agent.host.http import Request, Response
from agent.metrics.endpoints import health_page, metrics_page
from tests.metrics.full import full_metrics

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
    "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
    "text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


def asked(**headers: str) -> Request:
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("GET", "/metrics", "", fields, keep_alive=True)


def scraped(**headers: str) -> Response:
    return metrics_page(full_metrics())(asked(**headers))


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", CLASSIC),
        ("*/*", CLASSIC),
        ("text/html,application/xhtml+xml,*/*;q=0.8", CLASSIC),
        ("text/plain", CLASSIC),
        ("application/json", CLASSIC),
        ("application/openmetrics-text", OPENMETRICS),
        (PROMETHEUS_2, OPENMETRICS),
        (PROMETHEUS_3, OPENMETRICS),
    ],
)
def test_scrape_gets_the_format_it_prefers(accept: str, content_type: str) -> None:
    response = scraped(accept=accept)
    assert (response.status, response.content_type) == (200, content_type)
    assert response.body.endswith(b"# EOF\n") is (content_type == OPENMETRICS)
    assert ("Vary", "Accept, Accept-Encoding") in response.headers


def test_scrape_is_gzipped_where_that_is_welcome() -> None:
    plain, gzipped = scraped(), scraped(accept_encoding="gzip")
    assert ("Content-Encoding", "gzip") in gzipped.headers
    assert "Content-Encoding" not in dict(plain.headers)
    assert gzip.decompress(gzipped.body) == plain.body


def test_health_is_told_with_its_sentence() -> None:
    request = asked()
    assert health_page(lambda: "")(request).status == 200
    sick = health_page(lambda: "no policies are in force")(request)
    assert (sick.status, sick.body) == (503, b"no policies are in force\n")
