"""`hostkeeper report`: one page that says what came of the maintenance of a stretch of time."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from datetime import datetime

from msgspec.structs import asdict

from agent import __version__
from agent.cli.history_verify import data as verdict_data
from agent.cli.history_verify import noted_heads
from agent.cli.output import emit_json
from agent.cli.plan_command import open_private
from agent.cli.png import painter
from agent.cli.stretch import stretch
from agent.cli.world import World
from agent.engine.capacity import outlooks as outlooks_of
from agent.engine.coming import days_ahead
from agent.engine.in_force import in_force
from agent.engine.picture import look
from agent.errors import ExitCode, PolicyError, StoreError
from agent.host.clock import SystemClock
from agent.model.policies import PolicySet
from agent.probes.catalogue import SIGNALS
from agent.report.ahead import DAYS
from agent.report.document import document
from agent.report.period import Period
from agent.report.story import Host, Present, Story, gather
from agent.rules.capacity import Outlook
from agent.rules.envelope import DAY
from agent.store import Store
from agent.store.verify import verify


def main(arguments: argparse.Namespace) -> int:
    """Write the report."""
    world, now, paint = World(arguments), SystemClock().now(), painter(arguments.png)
    period = Period(*stretch(arguments, now.timestamp(), world.zone), world.zone)
    with Store(arguments.state, read_only=True) as store:
        story = _story(arguments, store, world, period, now)
    if arguments.output is not None:
        with os.fdopen(open_private(arguments.output), "w", encoding="utf-8") as file:
            file.write(document(story))
    paint(story.present.outlooks, story.host.name, story.period, now.timestamp())
    if arguments.json:
        emit_json(data(story))
    elif arguments.output is None:
        sys.stdout.write(document(story))
    return ExitCode.OK


def _story(arguments: argparse.Namespace, store: Store, world: World, period: Period, now: datetime) -> Story:
    verdict = verify(store, noted_heads(arguments.state, arguments.journal, world.zone))
    # Before the snapshot: the agent may note a head meanwhile that the snapshot does not have.
    present = _present(store, world, period, now)
    host = Host(socket.gethostname(), __version__, now.timestamp())
    with store.connection.snapshot():
        return gather(store, period, host, verdict, present)


def _present(store: Store, world: World, period: Period, now: datetime) -> Present:
    policies, mistakes = _policies(store)
    picture = coming = None
    outlooks: tuple[Outlook, ...] = ()
    damage = ""
    try:
        if policies is not None:
            picture = look(store, policies, world.zone, world.settings().concurrency, now.timestamp())
            coming = days_ahead(store, policies, world.zone, world.host_id, now, DAYS, store.holds.held())
        outlooks = tuple(outlooks_of(store, policies, now.timestamp()))
    except StoreError as error:
        damage = str(error)
    today = period.local(now.timestamp())
    return Present(
        picture=picture,
        coming=coming,
        today=today,
        mistakes=tuple(mistakes),
        damage=damage,
        outlooks=outlooks if period.until >= now.timestamp() - DAY else (),
    )


def _policies(store: Store) -> tuple[PolicySet | None, list[str]]:
    """Return the set in force if it can be read, and the mistakes in the files as they were seen last."""
    fact = store.facts.get("daemon")
    told = fact.get("policies", {}) if isinstance(fact, dict) else {}
    mistakes = [] if told.get("valid", True) else list(map(str, told.get("mistakes", ())))
    try:
        return in_force(store, SIGNALS), mistakes
    except PolicyError as error:
        return None, mistakes + list(map(str, error.mistakes))


def data(story: Story) -> dict[str, object]:
    """Given a story, return what it counts, for `--json`."""
    return {
        "host": story.host.name,
        "since": story.period.since,
        "until": story.period.until,
        "endings": [asdict(ending) for ending in story.endings],
        "numbers": story.numbers,
        "taken_back": story.taken_back,
        "thresholds": [asdict(one) for one in story.caused],
        "policies": story.policies,
        "mistakes": story.present.mistakes,
        "trouble": story.present.picture.trouble if story.present.picture else [],
        "history": verdict_data(story.verdict),
    }
