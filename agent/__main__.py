"""`python -m agent` and the `hostkeeper` command.

Processes of runs, the policy compiler and the status page start here too, past the command line, so that they pay
only for what they use.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import cast

INTERRUPTED = 130
"""What `agent.errors.ExitCode` has for it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Given command-line arguments (without the program's name), do what they say and return an exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Importing makes many objects and no garbage; whoever was imported turns the collector on again.
    gc.disable()
    _load_msgspec()
    if arguments[:1] == ["run-process"]:
        directory, run, attempt, *undo = arguments[1:]
        process = importlib.import_module("agent.engine.process")
        return int(process.main(directory, int(run), int(attempt), undo=bool(undo)))
    if arguments[:1] == ["compile-policies"]:
        return int(importlib.import_module("agent.policy.child").main())
    if arguments[:1] == ["collect"]:
        directory, *incidents = arguments[1:]
        return int(importlib.import_module("agent.engine.collect").main(directory, [int(one) for one in incidents]))
    if arguments[:1] == ["probe"]:
        importlib.import_module("agent.probes.prober.child").main()
    if arguments[:1] == ["send-notices"]:
        return int(importlib.import_module("agent.engine.sender").main())
    if arguments[:1] == ["draw-page"]:
        return int(importlib.import_module("agent.site.child").main())
    return _command(arguments)


def _command(arguments: Sequence[str]) -> int:
    try:
        return int(importlib.import_module("agent.cli.main").main(arguments))
    except KeyboardInterrupt:
        # What a command needs is still being loaded. The names of exit codes may be a part of that.
        return INTERRUPTED


def _load_msgspec() -> None:
    """Import msgspec without `typing_extensions`, which takes as long to load as all the rest of it.

    msgspec asks for it, and takes what it needs from `typing` where it is not installed.
    """
    name = "typing_extensions"
    if name not in sys.modules:
        sys.modules[name] = cast("ModuleType", None)
        try:
            importlib.import_module("msgspec")
        finally:
            del sys.modules[name]


if __name__ == "__main__":
    code = main()
    if sys.argv[1:2] == ["run-process"]:
        # What it has done is in the store: to take an interpreter apart as well would keep its place from the next run.
        os._exit(code)
    sys.exit(code)
