"""`hostkeeper release-hold`: let what its circuit breaker stopped act again."""

from __future__ import annotations

import argparse

from agent.cli.output import emit_json, harmless
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.rules.remedies import is_of
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Release what is held under a name, or every remedy of a threshold; what counts begins anew from here."""
    with Store(arguments.state, read_only=True) as store:
        held = store.holds.held()
    wanted = [name for name in held if name == arguments.name]
    wanted = wanted or [name for name in held if is_of(name, arguments.name)]
    if not wanted:
        raise NotFound(f"{arguments.name!r} is not held; held: {', '.join(held) or 'nothing'}")
    with Store(arguments.state) as store, store.transaction():
        for name in wanted:
            store.holds.release(name, SystemClock().now().timestamp())
    if arguments.json:
        emit_json({"released": wanted})
    else:
        for name in wanted:
            print(f"released {harmless(name)}")
    return ExitCode.OK
