"""`hostkeeper notify outbox`: what waits to be delivered, and what was refused for good."""

from __future__ import annotations

import argparse
import textwrap

from agent.cli.notifying.who import notifier_named
from agent.cli.output import ago, columns, emit_json, harmless, table
from agent.cli.world import World
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.model.notices import Kept
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Show messages in the order in which they go out, and how many notices are in none yet."""
    world, now = World(arguments), SystemClock().now().timestamp()
    only = notifier_named(world.policies(), arguments.notifier).name if arguments.notifier else ""
    with Store(arguments.state, read_only=True) as store:
        kept = [one for one in store.outbox.messages(ended=arguments.all) if only in ("", _notifier(one))]
        notices = [one for one in store.outbox.notices() if only in ("", one.notifier)]
    if arguments.json:
        emit_json({"messages": [_data(one) for one in kept], "notices": notices})
        return ExitCode.OK
    if kept:
        headings = ("message", "receiver", "state", "tries", "made", "subject", "answer")
        print(table(headings, [_row(one, now) for one in kept], columns()))
    if arguments.bodies:
        for one in kept:
            body = "\n".join(map(harmless, one.message.body.split("\n")))
            print(f"\nmessage {one.seq}, {one.message.id}:\n{textwrap.indent(body, '  ')}")
    print(f"{len(kept)} messages; {len(notices)} notices wait to be put into one")
    return ExitCode.OK


def _notifier(kept: Kept) -> str:
    return kept.message.receiver.partition("/")[0]


def _row(kept: Kept, now: float) -> tuple[str, ...]:
    message = kept.message
    made = ago(message.made, now)
    return (str(kept.seq), message.receiver, kept.state, str(kept.tries), made, message.subject, kept.answer or "-")


def _data(kept: Kept) -> dict[str, object]:
    message = kept.message
    return {
        "message": kept.seq,
        "id": message.id,
        "receiver": message.receiver,
        "state": kept.state,
        "tries": kept.tries,
        "made": message.made,
        "ended": kept.ended,
        "answer": kept.answer,
        "severity": message.severity,
        "subject": message.subject,
        "body": message.body,
    }
