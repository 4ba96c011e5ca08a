"""Commands that have subcommands: their arguments, without what the subcommands need to do their work."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

Adder = Callable[[argparse.ArgumentParser], None]


def add_subcommands(parser: argparse.ArgumentParser, known: Mapping[str, tuple[str, Adder]]) -> None:
    """Given by name what each subcommand does and what adds its arguments, add them to the parser of the command.

    The arguments of every command may stand before and behind them.
    """
    common = type(parser)(add_help=False, argument_default=argparse.SUPPRESS)
    for name, metavar in (("policies", "DIR"), ("state", "DIR"), ("config", "FILE")):
        common.add_argument(f"--{name}", metavar=metavar, help=argparse.SUPPRESS)
    common.add_argument("--json", action="store_true", help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
    for name, (summary, adder) in known.items():
        text = f"{summary[0].upper()}{summary[1:]}."
        adder(commands.add_parser(name, help=summary, description=text, parents=[common]))
