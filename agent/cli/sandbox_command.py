"""`hostkeeper sandbox`: the box of a task, as its options make it and as systemd keeps it."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence

from msgspec.structs import asdict

from agent.cli.output import broken, columns, duration, emit_json, harmless
from agent.cli.world import World
from agent.errors import ExitCode, RunFailed
from agent.host.launching import SYSTEMD, chosen
from agent.host.systemd_launcher import unit_properties
from agent.host.unit_support import why_no_units
from agent.model.box import Box
from agent.model.policies import Task
from agent.ports import Bounds
from agent.registry import box_of
from agent.rules.confinement import Property


def main(arguments: argparse.Namespace) -> int:
    """Print what a run of a task may do, and the properties of its unit."""
    world = World(arguments)
    settings = world.settings()
    task = world.task(world.policies(), arguments.task)
    box = box_of(task.action, json.loads(task.options))
    bounds = Bounds(task=task.name, box=box, seconds=task.max_duration)
    state = os.path.realpath(arguments.state)
    try:
        held = unit_properties(bounds, limits=settings.run_limits, grace=settings.grace, state=state)
    except ValueError as error:
        raise RunFailed(f"{task.name} cannot be run as a unit: {error}") from error
    launcher = chosen(settings, arguments.config)
    if arguments.json:
        named = {"task": task.name, "action": task.action, "launcher": launcher, "in_force": launcher == SYSTEMD}
        emit_json({**named, "box": asdict(box), "properties": held})
    else:
        print(text(task, box, held, state, in_force=launcher == SYSTEMD, within=columns()))
    return ExitCode.OK


def text(
    task: Task, box: Box, held: Sequence[Property], state: str, *, in_force: bool, within: int | None = None
) -> str:
    """Return the box of a task and the properties that make it, as text in lines of up to `within` characters.

    `state` is the agent's state directory.
    """
    lines = [f"{task.name}: {task.action}"]
    if not in_force:
        reason = why_no_units() or "the settings say so"
        lines += broken(f"not in force: runs are plain children here ({reason})", within, "  ", "    ")
    for name, value in (*_rows(box, state, held), ("ends after", duration(task.max_duration))):
        lines += broken(f"{name:<13} {harmless(value)}", within, "  ", " " * 16)
    lines.append("  properties of its unit")
    lines += [line for name, value in held for line in broken(f"{name}={harmless(value)}", within, "    ", "      ")]
    return "\n".join(lines)


def _rows(box: Box, state: str, held: Sequence[Property]) -> list[tuple[str, str]]:
    if not box.confined:
        return [("box", "none: it may do whatever root may")]
    return [
        ("may write", ", ".join([*box.writable, f"{state} (its journal of steps)"])),
        ("temporary", "its own /tmp and /var/tmp" if ("PrivateTmp", "yes") in held else "the host's /tmp and /var/tmp"),
        ("network", "the host's" if box.network else "none"),
        ("services", "may speak to systemd and D-Bus" if box.services else "out of reach"),
        ("devices", "the host's" if box.devices else "none but /dev/null and its like"),
        ("programs", "starts programs" if box.programs else "starts none"),
        ("capabilities", " ".join(box.capabilities) or "none"),
    ]
