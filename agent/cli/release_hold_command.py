"""`hostkeeper release-hold`: let what its circuit breaker stopped act again."""

from __future__ import annotations

import argparse

from agent.cli.output import emit_json
from agent.errors import ExitCode, NotFound
from agent.host.clock import SystemClock
from agent.store import Store


def main(arguments: argparse.Namespace) -> int:
    """Release one hold; the breaker counts anew from here."""
    with Store(arguments.state, read_only=True) as store:
        held = store.holds.held()
    if arguments.name not in held:
        raise NotFound(f"{arguments.name!r} is not held; held: {', '.join(held) or 'nothing'}")
    with Store(arguments.state) as store:
        store.holds.release(arguments.name, SystemClock().now().timestamp())
    if arguments.json:
        emit_json({"released": arguments.name})
    else:
        print(f"released {arguments.name}")
    return ExitCode.OK
