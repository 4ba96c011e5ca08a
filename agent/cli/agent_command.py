"""`hostkeeper agent`: the daemon, composed."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import logging
import os
import socket
import sys

from agent import __version__
from agent.cli.parser import DEFAULT_CONFIG
from agent.daemon.page import StatusPage
from agent.daemon.policies import Policies
from agent.daemon.publish import Publisher
from agent.daemon.service import Daemon
from agent.daemon.settings import settings_of
from agent.daemon.web import Web
from agent.engine.visit import Visit
from agent.errors import AgentError, ExitCode, Mistake, PolicyError
from agent.host.clock import SystemClock, boot_id, local_zone, pin_utc
from agent.host.http import HttpServer, Route, Security, address_of, listen
from agent.host.identity import host_id
from agent.host.launching import launcher_of
from agent.host.lock import hold
from agent.host.logs import start_logging
from agent.host.notify import Notifier
from agent.metrics import Metrics, health_page, metrics_page
from agent.model.settings import Settings
from agent.policy.settings import web_config_path
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from agent.schema import Schemas
from agent.store import Store
from agent.trigger import zone

LOG = logging.getLogger("agent")


def main(arguments: argparse.Namespace) -> int:
    """Be the agent until told to stop."""
    pin_utc()
    # The watchdog of systemd ends a process that stands still by SIGABRT: its log then says where it stood.
    faulthandler.enable()
    with hold(arguments.state):
        fingerprint = Schemas().fingerprint()
        with Store(arguments.state) as store:
            required = arguments.config != DEFAULT_CONFIG
            settings = settings_of(store, arguments.config, fingerprint, required=required)
        start_logging(settings.log_level)
        with Store(arguments.state, ballast_bytes=settings.ballast) as store:
            _serve(arguments, settings, store, fingerprint)
    return ExitCode.OK


def _serve(arguments: argparse.Namespace, settings: Settings, store: Store, fingerprint: str) -> None:
    clock = SystemClock()
    started = clock.now().timestamp()
    listeners = _listeners(settings.listen, arguments.config)
    address = address_of(listeners[0]) if listeners else ""
    metrics = Metrics(SIGNALS, __version__, started)
    publisher = Publisher(store, metrics, started=started, listen=address)

    def told() -> None:
        publisher.policies(policies)
        daemon.tell_status()

    directory = os.path.abspath(arguments.policies)
    policies = Policies(directory, store, clock, signals=SIGNALS, actions=names(), fingerprint=fingerprint, told=told)
    daemon = Daemon(
        store=store,
        settings=settings,
        policies=policies,
        clock=clock,
        launcher=launcher_of(settings, arguments.state, arguments.config),
        notifier=Notifier(),
        metrics=metrics,
        local=zone(settings.timezone, local_zone()),
        host=host_id(settings.host_id),
        boot=boot_id(),
    )
    page = _page(arguments.state, settings, daemon)
    server = daemon.http = _server(listeners, metrics, daemon, page)
    _let_in(web_config_path(settings, arguments.config), server, daemon, publisher)
    if arguments.tell:
        print(_screen(arguments, address), flush=True)
    # What start-up has made stays for good; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    try:
        daemon.run()
    finally:
        publisher.gone()
        page.stop()
        server.stop()


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


def _server(listeners: list[socket.socket], metrics: Metrics, daemon: Daemon, page: StatusPage) -> HttpServer:
    routes: dict[str, Route] = {
        "/": page,
        "/metrics": metrics_page(metrics),
        "/healthz": health_page(daemon.sickness),
        "/readyz": health_page(daemon.unreadiness),
    }
    server = HttpServer(listeners, routes, lambda path, error: LOG.error("answering %s: %r", path, error))
    for listener in listeners:
        LOG.info("metrics on %s", address_of(listener))
    return server


def _let_in(path: str, server: HttpServer, daemon: Daemon, publisher: Publisher) -> None:
    """Let in whom the web configuration at a path lets in, or everybody where there is no path.

    Clients wait until it has been read for the first time.
    """
    if not path:
        server.start()
        return

    def serve(security: Security) -> None:
        server.secure(security)
        if not server.alive:
            server.start()

    web = Web(path, SystemClock(), serve=serve, told=lambda: publisher.web(web))
    daemon.attach(web)


def _listeners(address: str, config: str) -> list[socket.socket]:
    """Listen where the settings say; an address that cannot be had is a mistake in them."""
    try:
        return [listen(address)] if address else []
    except AgentError as error:
        raise PolicyError([Mistake(config, 0, 0, "metrics.listen", str(error), "")]) from error


def _screen(arguments: argparse.Namespace, address: str) -> str:
    # With the paths of the quickstart, no line has more than 80 characters.
    program, state = sys.argv[0], arguments.state
    return "\n".join(
        [
            "Hostkeeper is at work: it does what the policies say, and tells how it went.",
            f" policies  {arguments.policies} (edits count within a second)",
            f" page      http://{address}/",
            f" metrics   http://{address}/metrics",
            f" status    {program} status --state {state}",
            f" history   {program} history --state {state}",
            " stop      Ctrl-C",
            "",
        ]
    )
