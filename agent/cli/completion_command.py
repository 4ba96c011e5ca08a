"""`hostkeeper completion`: a completion script that needs no program at completion time."""

from __future__ import annotations

import argparse

import shtab

from agent.cli.output import emit_json
from agent.cli.parser import get_parser
from agent.errors import ExitCode


def main(arguments: argparse.Namespace) -> int:
    """Print the script for one shell."""
    script = shtab.complete(get_parser(), shell=arguments.shell)
    if arguments.json:
        emit_json({"shell": arguments.shell, "script": script})
    else:
        print(script)
    return ExitCode.OK
