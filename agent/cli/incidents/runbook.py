"""`hostkeeper incident runbook`: what to do, and one key that does it."""

from __future__ import annotations

import argparse
import sys
import termios
import tty

from agent.cli.incidents.show import steps
from agent.cli.incidents.telling import entry
from agent.cli.output import emit_json, harmless
from agent.cli.running import Foreground, report
from agent.cli.world import World
from agent.errors import AgentError, ExitCode, NotFound
from agent.model.incidents import EntryKind, Incident
from agent.rules.outcomes import outcome
from agent.store import Store

KEYS = "123456789abcdefghijklmnoprstuvwxyz"
"""By step: the key that does it. `q` leaves."""

LEAVE = frozenset("q\x03\x04\x1b")


def main(arguments: argparse.Namespace) -> int:
    """Show the runbook; on a terminal, wait for keys until one leaves."""
    world = World(arguments)
    with world.store() as store:
        incident = store.incidents.get(arguments.incident)
        if not incident.runbook:
            raise NotFound(f"threshold {incident.threshold} has no runbook: give it one under `runbook`")
        if arguments.step is not None:
            return _do(arguments, world, store, incident, arguments.step)
        if arguments.json:
            emit_json(incident.runbook)
            return ExitCode.OK
        asks = sys.stdin.isatty() and sys.stdout.isatty()
        shown = steps(incident.runbook, KEYS if asks else "")
        print("\n".join([f"incident {incident.id}: {harmless(incident.what)}", *shown]))
        if asks:
            _keys(arguments, world, store, incident)
    return ExitCode.OK


def _keys(arguments: argparse.Namespace, world: World, store: Store, incident: Incident) -> None:
    print(f"\npress the key of a step, {KEYS[0]} to {KEYS[len(incident.runbook[: len(KEYS)]) - 1]}, or q to leave")
    while (key := _key()) not in LEAVE:
        number = KEYS.find(key) + 1
        if not 0 < number <= len(incident.runbook):
            continue
        try:
            _do(arguments, world, store, incident, number)
        except AgentError as error:
            print("\n".join(map(harmless, str(error).splitlines())), file=sys.stderr)
        print("\nnext key, or q to leave")


def _do(arguments: argparse.Namespace, world: World, store: Store, incident: Incident, number: int) -> int:
    """Run the task of a step, or note that a person has done it, and say so in the timeline."""
    if number > len(incident.runbook):
        raise NotFound(f"the runbook of incident {incident.id} has {len(incident.runbook)} steps")
    step = incident.runbook[number - 1]
    if not step.run:
        note = entry(EntryKind.STEP, f"step {number}, {step.text}: done by hand")
        store.incidents.tell(incident.id, note)
        emit_json(note) if arguments.json else print(f"step {number} noted as done")
        return ExitCode.OK
    policies = world.policies()
    task = world.task(policies, step.run)
    run = Foreground(store, world.settings(), arguments.config).run(task, policies)
    told = f"step {number}, {step.text}: run {run.id} of {run.task} {outcome(run)}{f', {run.why}' if run.why else ''}"
    store.incidents.tell(incident.id, entry(EntryKind.STEP, told))
    return report(store, run, world.zone, as_json=arguments.json)


def _key() -> str:
    """Return one key as it is pressed, without waiting for the end of a line."""
    sys.stdout.flush()
    before = termios.tcgetattr(sys.stdin)
    try:
        # What was typed while a task was at work is not thrown away.
        tty.setcbreak(sys.stdin, termios.TCSANOW)
        return sys.stdin.read(1) or "q"
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
