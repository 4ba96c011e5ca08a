"""`hostkeeper notify list`: the notifiers, and how it goes with each."""

from __future__ import annotations

import argparse

from msgspec import Struct

from agent.cli.output import ago, columns, emit_json, table
from agent.cli.world import World
from agent.drivers.notifiers import receivers_of
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.model.notices import Receiver, Standing, Tally


class Line(Struct, frozen=True):
    """One receiver, how it goes with it, how many messages and notices wait for it, and how many were refused."""

    receiver: Receiver
    standing: Standing
    waiting: int
    parked: int


def main(arguments: argparse.Namespace) -> int:
    """List them with what waits and what was parked."""
    world, now = World(arguments), SystemClock().now().timestamp()
    found = _lines(world)
    if arguments.json:
        emit_json([_data(line) for line in found])
    elif not found:
        print("no notifiers; docs/how-to/notify.md says how to add one")
    else:
        headings = ("notifier", "kind", "waiting", "parked", "delivered", "dropped", "last success", "last trouble")
        print(table(headings, [_row(line, now) for line in found], columns(), ("delivered", "dropped")))
    return ExitCode.OK


def _lines(world: World) -> list[Line]:
    tallies: dict[str, Tally] = {}
    notices: dict[str, tuple[int, float]] = {}
    standings: dict[str, Standing] = {}
    policies = world.policies()
    store = world.store_if_any()
    if store is not None:
        with store:
            tallies, notices = store.outbox.tallies.receivers(), store.outbox.tallies.unmade()
            standings = {one.receiver: one for one in store.outbox.standings()}
    return [
        Line(
            receiver,
            standings.get(receiver.name, Standing(receiver=receiver.name)),
            tallies.get(receiver.name, Tally()).waiting + notices.get(notifier.name, (0, 0.0))[0],
            tallies.get(receiver.name, Tally()).parked,
        )
        for notifier in policies.notifiers.values()
        for receiver in receivers_of(notifier)
    ]


def _row(line: Line, now: float) -> tuple[str, ...]:
    standing = line.standing
    numbers = (line.waiting, line.parked, standing.delivered, standing.dropped)
    last = (ago(standing.last_success, now), standing.last_error or "-")
    return (line.receiver.name, line.receiver.kind, *map(str, numbers), *last)


def _data(line: Line) -> dict[str, object]:
    return {
        "receiver": line.receiver.name,
        "notifier": line.receiver.notifier,
        "kind": line.receiver.kind,
        "waiting": line.waiting,
        "parked": line.parked,
        **{
            key: getattr(line.standing, key) for key in ("delivered", "failed", "dropped", "last_success", "last_error")
        },
    }
