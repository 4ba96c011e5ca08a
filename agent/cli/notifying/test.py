"""`hostkeeper notify test`: send a marked message now, and say what came of it."""

from __future__ import annotations

import argparse
import os
import queue
import secrets
import threading
from datetime import tzinfo

from agent.cli.notifying.who import notifier_named
from agent.cli.output import emit_json, harmless
from agent.cli.world import World
from agent.drivers.notifiers import open_receiver, receivers_of
from agent.engine.delivering import GIVEN_UP
from agent.errors import AgentError, ExitCode
from agent.host.clock import SystemClock
from agent.model.notices import Answer, Event, Message, Receiver
from agent.model.policies import Notifier, Severity
from agent.readable import instant


def main(arguments: argparse.Namespace) -> int:
    """Send it to every receiver of the notifier; exit code 9 unless all have taken it."""
    world = World(arguments)
    notifier = notifier_named(world.policies(), arguments.notifier)
    answers = tested(notifier, f"hostkeeper notify test {notifier.name}", world.zone)
    if arguments.json:
        emit_json([{"receiver": name, "delivered": one.delivered, "answer": one.said} for name, one in answers.items()])
    else:
        for name, one in answers.items():
            said = f": {harmless(one.said)}" if one.said else ""
            print(f"{name}: {'delivered' if one.delivered else 'not delivered'}{said}")
    return ExitCode.OK if all(one.delivered for one in answers.values()) else ExitCode.UNHEALTHY


def tested(notifier: Notifier, command: str, zone: tzinfo) -> dict[str, Answer]:
    """Given a notifier and the command that asks for it, send a test message; return what each receiver answered."""
    now = SystemClock().now().timestamp()
    at = instant(now, zone)
    return {one.name: send(one, _message(one, now, at, command)) for one in receivers_of(notifier)}


def _message(receiver: Receiver, now: float, at: str, command: str) -> Message:
    host = os.uname().nodename
    return Message(
        id=f"hostkeeper-test-{secrets.token_hex(12)}",
        receiver=receiver.name,
        made=now,
        severity=Severity.INFO,
        event=Event.FIRED,
        subject=f"[{host}] TEST: a test message of notifier {receiver.notifier}",
        body=f"This is a test, sent by `{command}` at {at}. Nothing is wrong.",
        items=(),
        host=host,
        test=True,
    )


def send(receiver: Receiver, message: Message, patience: float = GIVEN_UP) -> Answer:
    """Send a message, and return the answer or that there was none within so many seconds."""
    # In a thread, since a receiver may answer a byte at a time for ever.
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_answer(receiver, message)), daemon=True).start()
    try:
        return answers.get(timeout=patience)
    except queue.Empty:
        return Answer(delivered=False, said=f"no answer within {patience:g} s")


def _answer(receiver: Receiver, message: Message) -> Answer:
    try:
        return open_receiver(receiver).send(message)
    except AgentError as error:
        return Answer(delivered=False, said=str(error))
    except Exception as error:  # its words may hold the address
        return Answer(delivered=False, said=f"an error in the notifier: {type(error).__name__}")
