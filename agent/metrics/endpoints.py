"""Answers to `/metrics`, `/healthz` and `/readyz`."""

from __future__ import annotations

from collections.abc import Callable

from agent.host.http import Handler, Offer, Request, Response, accepts_gzip, best_offer, text
from agent.metrics.metrics import Metrics

_CLASSIC_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"
_UTF8 = {"charset": "utf-8", "escaping": "underscores"}

# In our own order of preference: whoever does not say what it wants gets what every reader understands.
_OFFERS = (
    Offer("text/plain", {"version": "0.0.4"} | _UTF8),
    Offer("application/openmetrics-text", {"version": "1.0.0"} | _UTF8),
    Offer("application/openmetrics-text", {"version": "0.0.1"} | _UTF8),
)


def metrics_page(metrics: Metrics) -> Handler:
    """Given the metrics, return the handler of `/metrics`: classic text or OpenMetrics, gzipped where welcome."""

    def handle(request: Request) -> Response:
        # A client that accepts neither format gets the older one, as from every other exporter.
        openmetrics = (best_offer(request.headers.get("accept", ""), _OFFERS) or 0) > 0
        gzipped = accepts_gzip(request.headers.get("accept-encoding", ""))
        body = metrics.render(openmetrics=openmetrics, gzipped=gzipped)
        encoding = (("Content-Encoding", "gzip"),) if gzipped else ()
        kind = _OPENMETRICS_TYPE if openmetrics else _CLASSIC_TYPE
        return Response(
            200, body, kind, (("Vary", "Accept, Accept-Encoding"), ("Cache-Control", "no-store"), *encoding)
        )

    return handle


def health_page(trouble: Callable[[], str]) -> Handler:
    """Given a function that says what is wrong, "" when nothing is, return a handler: 200, or 503 and that sentence."""

    def handle(_: Request) -> Response:
        sentence = trouble()
        return text(503 if sentence else 200, sentence or "ok", ("Cache-Control", "no-store"))

    return handle
