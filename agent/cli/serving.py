"""What the agent serves over HTTP: metrics, its health and the page."""

from __future__ import annotations

import argparse
import logging
import os
import socket

from agent.daemon.page import StatusPage
from agent.daemon.publish import Publisher
from agent.daemon.service import Daemon
from agent.daemon.web import Web
from agent.engine.visit import Visit
from agent.host.clock import SystemClock
from agent.host.http import HttpServer, Route, Security
from agent.host.identity import host_id
from agent.metrics import Metrics
from agent.metrics.endpoints import health_page, metrics_page
from agent.model.settings import Settings
from agent.policy.settings import web_config_path

LOG = logging.getLogger("agent")


class Serving:
    """Serves on a listening socket, if there is one, from when it is made.

    Where the settings name a web configuration, that says who is let in, or else everybody is.
    """

    def __init__(
        self,
        arguments: argparse.Namespace,
        settings: Settings,
        listener: socket.socket | None,
        daemon: Daemon,
        metrics: Metrics,
        publisher: Publisher,
    ) -> None:
        self._page = _page(arguments.state, settings, daemon)
        routes: dict[str, Route] = {
            "/": self._page,
            "/metrics": metrics_page(metrics),
            "/healthz": health_page(daemon.sickness),
            "/readyz": health_page(daemon.unreadiness),
        }
        listeners = [listener] if listener is not None else []
        self._server = HttpServer(listeners, routes, lambda path, error: LOG.error("answering %s: %r", path, error))
        daemon.http = self._server
        if path := web_config_path(settings, arguments.config):
            self._let_in(path, daemon, publisher)
        else:
            self._server.start()

    def _let_in(self, path: str, daemon: Daemon, publisher: Publisher) -> None:
        """Let in whom the web configuration at a path lets in; clients wait until it was read for the first time."""

        def serve(security: Security) -> None:
            self._server.secure(security)
            if not self._server.alive:
                self._server.start()

        web = Web(path, SystemClock(), serve=serve, told=lambda: publisher.web(web))
        daemon.attach(web)

    def stop(self) -> None:
        """End it."""
        self._page.stop()
        self._server.stop()


def _page(state: str, settings: Settings, daemon: Daemon) -> StatusPage:
    identity = host_id(settings.host_id)

    def visit(query: str) -> Visit:
        return Visit(
            state=os.path.abspath(state),
            query=query,
            concurrency=settings.concurrency,
            timezone=settings.timezone,
            host_id=identity,
            sample_every=settings.sample_every,
            course=daemon.course(),
        )

    return StatusPage(visit)
