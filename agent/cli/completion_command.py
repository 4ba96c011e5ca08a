"""`hostkeeper completion`: a completion script that needs no program at completion time."""

from __future__ import annotations

import argparse

import shtab

from agent.cli.output import emit_json
from agent.cli.parser import get_parser
from agent.errors import ExitCode

PATHS = {"DIR": shtab.DIRECTORY, "FILE": shtab.FILE}
"""What shells complete an argument with, by the word that its help has for it."""


def main(arguments: argparse.Namespace) -> int:
    """Print the script for one shell."""
    found = script(arguments.shell)
    if arguments.json:
        emit_json({"shell": arguments.shell, "script": found})
    else:
        print(found)
    return ExitCode.OK


def script(shell: str) -> str:
    """Given a shell that shtab knows, return the script that completes commands, options, files and directories."""
    parser = get_parser()
    _name_paths(parser)
    return str(shtab.complete(parser, shell=shell))


def _name_paths(parser: argparse.ArgumentParser) -> None:
    for action in parser._actions:
        if isinstance(action.metavar, str) and action.metavar in PATHS:
            # shtab looks for this attribute, which argparse does not declare.
            vars(action)["complete"] = PATHS[action.metavar]
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                _name_paths(command)
