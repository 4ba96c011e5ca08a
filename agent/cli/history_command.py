"""`hostkeeper history`: the runs, or one run with its steps."""

from __future__ import annotations

import argparse
import json
from datetime import tzinfo

from msgspec.structs import asdict

from agent.cli.output import broken, columns, duration, emit_json, harmless, instant, table
from agent.cli.parser import VERIFY
from agent.cli.world import World
from agent.engine.in_force import in_force
from agent.errors import ExitCode
from agent.host.units import Entry, Units
from agent.model.runs import Run, StepRecord
from agent.probes.catalogue import SIGNALS
from agent.rules.outcomes import outcome
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """List runs, newest first, or show one whole."""
    if arguments.run == VERIFY:
        from agent.cli.history_verify import main as verify  # noqa: PLC0415 - only those who verify pay for it

        return verify(arguments)
    world = World(arguments)
    with Store(arguments.state, read_only=True) as store:
        if arguments.run is None:
            runs = store.runs.recent(arguments.limit, arguments.task)
            if arguments.task is not None and not runs:
                world.task(in_force(store, SIGNALS), arguments.task)
            emit_json([_data(run) for run in runs]) if arguments.json else print(listing(runs, world.zone, columns()))
            return ExitCode.OK
        run, steps = store.runs.get(arguments.run), store.steps.of(arguments.run)
    log = Units(arguments.state).journal(run.id, run.attempt, run.created - 1.0) if arguments.log else []
    if arguments.json:
        emit_json({**data(run, steps), **({"log": [asdict(entry) for entry in log]} if arguments.log else {})})
    else:
        print("\n".join([whole(run, steps, world.zone, columns()), *logged(log, world.zone, columns())]))
    return ExitCode.OK


def logged(log: list[Entry], zone: tzinfo, within: int | None = None) -> list[str]:
    """Given what the journal has of a run, return it as lines of up to `within` characters, with instants in a zone."""
    lines = [
        part
        for entry in log
        for line in entry.message.splitlines()
        for part in broken(f"{instant(entry.at, zone)} {harmless(line)}", within, "  ", "    ")
    ]
    return ["", "log of its unit", *lines] if lines else []


def _data(run: Run) -> dict[str, object]:
    return {**asdict(run), "outcome": outcome(run)}


def data(run: Run, steps: list[StepRecord]) -> dict[str, object]:
    """Given a run and its steps, return everything known of it for `--json`."""
    return {**_data(run), "steps": [{**asdict(step), "facts": json.loads(step.facts)} for step in steps]}


def listing(runs: list[Run], zone: tzinfo, within: int | None = None) -> str:
    """Given runs, return them as a table in lines of up to `within` characters, with instants in a zone."""
    if not runs:
        return "no runs yet"
    return table(
        ("run", "task", "state", "why", "due", "started", "took"),
        [
            (
                str(run.id),
                run.task,
                str(outcome(run)),
                run.why or "-",
                instant(run.due, zone),
                instant(run.started, zone),
                duration(run.ended - run.started if run.ended and run.started else None),
            )
            for run in runs
        ],
        within,
        ("due",),
    )


def _state(run: Run) -> str:
    how = outcome(run).value
    return how if how == run.state.value else f"{run.state}, counted as {how}"


def whole(run: Run, steps: list[StepRecord], zone: tzinfo, within: int | None = None) -> str:
    """Given a run and its steps, return all that is known of it, with instants in a zone.

    Its lines are of up to `within` characters, if that is given.
    """
    head = [
        ("run", str(run.id)),
        ("task", run.task),
        ("action", run.action),
        ("state", _state(run)),
        ("why", run.why or "-"),
        ("detail", harmless(run.detail) or "-"),
        ("made by", f"{run.origin} {run.cause}".strip()),
        ("due", instant(run.due, zone)),
        ("started", instant(run.started, zone)),
        ("ended", instant(run.ended, zone)),
        ("attempts", str(run.attempt)),
        ("policies", run.policy[:16]),
        ("document", run.document[:16]),
        ("program", run.code),
    ]
    lines = [line for name, value in head for line in broken(f"{name:<9} {value}", within, "", " " * 10)]
    for step in steps:
        took = duration(step.ended - step.started if step.ended else None)
        facts = ", ".join(f"{key} {value}" for key, value in json.loads(step.facts).items())
        lines += ["", *broken(f"step {step.seq} {harmless(step.name)}: {step.state}, {took}", within)]
        lines += broken(harmless(facts), within, "  ") if facts else []
        for mark, text in (("  ! ", step.error), ("  | ", step.output)):
            lines += [part for line in text.splitlines() for part in broken(harmless(line), within, mark)]
    return "\n".join(lines)
