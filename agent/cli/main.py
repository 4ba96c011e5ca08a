"""Parse, do, choose the exit code."""

from __future__ import annotations

import errno
import gc
import importlib
import json
import os
import sys
from collections.abc import Sequence
from typing import TextIO

from agent.cli.parser import COMMANDS, get_parser
from agent.errors import AgentError, BadArgument, ExitCode, PolicyError
from agent.host.standing import escape_unencodable, stand_in_for_closed

UNWRITABLE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What the kernel says of a file that takes no more; with no name of a file, it is one that was open: the output."""


def main(argv: Sequence[str]) -> int:
    """Given command-line arguments, do the command and return its exit code.

    What went wrong for a person's reasons is one message and its own exit code; anything else shows its trace.
    """
    stand_in_for_closed()
    escape_unencodable()
    parser = get_parser(argv[0] if argv and argv[0] in COMMANDS else None)
    try:
        arguments = parser.parse_args(argv)
    except BadArgument as error:
        _complain(error, as_json="--json" in argv)
        return int(error.code)
    # A command imports what it needs when it is chosen: `hostkeeper status` does not pay for the policy compiler.
    command = importlib.import_module(f"agent.cli.{arguments.command.replace('-', '_')}_command")
    if arguments.command != "agent":  # it does so by itself, once it is ready
        gc.enable()
    code = int(ExitCode.OK)
    try:
        try:
            code = int(command.main(arguments))
        except AgentError as error:
            code = int(error.code)
            _complain(error, as_json=arguments.json)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return int(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        _give_up(sys.stdout)
        return code
    except OSError as error:
        if error.errno not in UNWRITABLE or error.filename is not None:
            raise
        _give_up(sys.stdout)
        _tell(f"the output cannot be written: {error.strerror}")
        return int(ExitCode.UNHEALTHY)
    return code


def _give_up(output: TextIO) -> None:
    # What is left goes to memory, since a process that has only looked cannot open /dev/null.
    os.dup2(os.memfd_create("unread"), output.fileno())


def _tell(text: str) -> None:
    """Print to standard error; where that takes nothing, the exit code says it alone."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _give_up(sys.stderr)


def _complain(error: AgentError, *, as_json: bool) -> None:
    if not as_json:
        # Imported when there is something to complain of: the agent need not bear the character tables all its life.
        from agent.cli.output import broken, columns, harmless  # noqa: PLC0415

        lines, within = str(error).splitlines(), columns(sys.stderr)
        if isinstance(error, PolicyError):
            lines = [part for line in map(str, error.mistakes) for part in broken(harmless(line), within, hanging="  ")]
        _tell("\n".join(map(harmless, lines)))
        return
    body: dict[str, object] = {"error": str(error), "code": int(error.code), "kind": type(error).__name__}
    if isinstance(error, PolicyError):
        body["mistakes"] = [
            {"file": m.file, "line": m.line, "column": m.column, "path": m.path, "wrong": m.wrong, "right": m.right}
            for m in error.mistakes
        ]
    print(json.dumps(body, indent=2))
