"""`hostkeeper agent`: the daemon, composed."""

from __future__ import annotations

import argparse
import faulthandler
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from agent import __version__
from agent.cli.parser import DEFAULT_CONFIG
from agent.daemon.policies import Policies
from agent.daemon.publish import Publisher
from agent.daemon.service import Daemon
from agent.daemon.settings import settings_of
from agent.errors import AgentError, ExitCode, Mistake, PolicyError
from agent.host.clock import SystemClock, boot_id, local_zone, pin_utc
from agent.host.identity import host_id
from agent.host.launching import launcher_of
from agent.host.listening import address_of, listen
from agent.host.lock import hold
from agent.host.logs import start_logging
from agent.host.notify import Notifier
from agent.metrics import Metrics
from agent.model.settings import Settings
from agent.ports import Clock
from agent.probes.catalogue import SIGNALS
from agent.registry import names
from agent.schema import Schemas
from agent.store import Store
from agent.trigger import zone

if TYPE_CHECKING:
    from agent.cli.serving import Serving  # imported once the agent is ready

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
            store.connection.keep_ballast(settings.ballast)
            _serve(arguments, settings, store, fingerprint)
    return ExitCode.OK


def _serve(arguments: argparse.Namespace, settings: Settings, store: Store, fingerprint: str) -> None:
    clock = SystemClock()
    started = clock.now().timestamp()
    listener = _listener(settings.listen, arguments.config)
    address = address_of(listener) if listener is not None else ""
    metrics = Metrics(SIGNALS, __version__, started)
    publisher = Publisher(store, metrics, started=started, listen=address)
    notifier = Notifier()
    serving: Serving | None = None

    def told() -> None:
        publisher.policies(policies)
        daemon.tell_status()

    def serve() -> None:
        nonlocal serving
        if serving is None:
            # Who knocks before the agent is ready waits at the listener; nobody waits for what answers him to load.
            from agent.cli.serving import Serving  # noqa: PLC0415

            serving = Serving(arguments, settings, listener, daemon, metrics, publisher)

    policies = _policies(arguments, store, clock, fingerprint, told, serve)
    daemon = _daemon(arguments, settings, store, policies, clock, notifier, metrics)
    if arguments.tell:
        print(_screen(arguments, address), flush=True)
    try:
        daemon.run(lambda: _settle(serve))
    finally:
        publisher.gone()
        if serving is not None:
            serving.stop()
        notifier.close()


def _policies(
    arguments: argparse.Namespace,
    store: Store,
    clock: Clock,
    fingerprint: str,
    told: Callable[[], None],
    delayed: Callable[[], None],
) -> Policies:
    return Policies(
        os.path.abspath(arguments.policies),
        store,
        clock,
        signals=SIGNALS,
        actions=names,
        fingerprint=fingerprint,
        told=told,
        delayed=delayed,
    )


def _daemon(
    arguments: argparse.Namespace,
    settings: Settings,
    store: Store,
    policies: Policies,
    clock: Clock,
    notifier: Notifier,
    metrics: Metrics,
) -> Daemon:
    return Daemon(
        store=store,
        settings=settings,
        policies=policies,
        clock=clock,
        launcher=launcher_of(settings, arguments.state, arguments.config),
        notifier=notifier,
        metrics=metrics,
        local=zone(settings.timezone, local_zone()),
        host=host_id(settings.host_id),
        boot=boot_id(),
    )


def _settle(serve: Callable[[], None]) -> None:
    """Do what is needed all day long and yet need not keep the start waiting."""
    try:
        serve()
    except Exception:
        # An agent that cannot be asked how it is does not stay; whoever starts it again may find what was missing.
        LOG.exception("nothing can be served")
        raise SystemExit(ExitCode.BUG) from None
    # What start-up has made stays for good; the collector need not look at it again.
    gc.collect()
    gc.freeze()
    gc.enable()


def _listener(address: str, config: str) -> socket.socket | None:
    """Listen where the settings say; an address that cannot be had is a mistake in them."""
    try:
        listener = listen(address) if address else None
    except AgentError as error:
        raise PolicyError([Mistake(config, 0, 0, "metrics.listen", str(error), "")]) from error
    if listener is not None:
        LOG.info("metrics on %s", address_of(listener))
    return listener


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
