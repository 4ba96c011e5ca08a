"""An HTTP server for the exporter, in the parts a daemon needs and no more."""

from __future__ import annotations

from agent.host.http.conversation import Handler, Route
from agent.host.http.counts import Counts, Dropped
from agent.host.http.limits import Limits
from agent.host.http.messages import Later, Request, Response, text
from agent.host.http.negotiate import Offer, accepts_gzip, best_offer
from agent.host.http.security import Security
from agent.host.http.server import HttpServer
from agent.host.listening import address_of, listen

__all__ = [
    "Counts",
    "Dropped",
    "Handler",
    "HttpServer",
    "Later",
    "Limits",
    "Offer",
    "Request",
    "Response",
    "Route",
    "Security",
    "accepts_gzip",
    "address_of",
    "best_offer",
    "listen",
    "text",
]
