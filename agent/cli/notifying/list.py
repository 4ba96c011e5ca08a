"""`hostkeeper notify list`: the notifiers, and how it goes with each."""

from __future__ import annotations

import argparse
from collections import Counter

from agent.cli.output import ago, emit_json, table
from agent.cli.world import World
from agent.drivers.notifiers import receivers_of
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.model.notices import Standing, State


def main(arguments: argparse.Namespace) -> int:
    """List them with what waits and what was parked."""
    world, now = World(arguments), SystemClock().now().timestamp()
    policies = world.policies()
    counts: Counter[tuple[str, State]] = Counter()
    notices: Counter[str] = Counter()
    standings: dict[str, Standing] = {}
    store = world.store_if_any()
    if store is not None:
        with store:
            counts.update((kept.message.receiver, kept.state) for kept in store.outbox.messages())
            notices.update(notice.notifier for notice in store.outbox.notices())
            standings = {one.receiver: one for one in store.outbox.standings()}
    found = []
    for notifier in policies.notifiers.values():
        for receiver in receivers_of(notifier):
            standing = standings.get(receiver.name, Standing(receiver=receiver.name))
            waiting = counts[receiver.name, State.WAITING] + notices[notifier.name]
            found.append((receiver, standing, waiting, counts[receiver.name, State.PARKED]))
    if arguments.json:
        keys = ("delivered", "failed", "dropped", "last_success", "last_error")
        emit_json(
            [
                {
                    "receiver": receiver.name,
                    "notifier": receiver.notifier,
                    "kind": receiver.kind,
                    "waiting": waiting,
                    "parked": parked,
                    **{key: getattr(standing, key) for key in keys},
                }
                for receiver, standing, waiting, parked in found
            ]
        )
        return ExitCode.OK
    if not found:
        print("no notifiers; docs/how-to/notify.md says how to add one")
        return ExitCode.OK
    headings = ("notifier", "kind", "waiting", "parked", "delivered", "dropped", "last success", "last trouble")
    rows = [
        (
            receiver.name,
            receiver.kind,
            str(waiting),
            str(parked),
            str(standing.delivered),
            str(standing.dropped),
            ago(standing.last_success, now),
            standing.last_error or "-",
        )
        for receiver, standing, waiting, parked in found
    ]
    print(table(headings, rows))
    return ExitCode.OK
