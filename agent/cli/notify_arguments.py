"""The arguments of `hostkeeper notify`; nothing here imports what its subcommands need."""

from __future__ import annotations

import argparse

from agent.cli.subcommands import Adder, add_subcommands


def _test(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notifier", metavar="NOTIFIER", help="the notifier to send a test message to, at once")


def _list(_parser: argparse.ArgumentParser) -> None:
    """It takes nothing."""


def _outbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notifier", nargs="?", metavar="NOTIFIER", help="only what is for this notifier")
    parser.add_argument("--all", action="store_true", help="what was delivered or dropped as well")
    parser.add_argument("--bodies", action="store_true", help="show the text of each message")


def _retry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notifier", metavar="NOTIFIER", help="the notifier whose parked messages are sent again")


SUBCOMMANDS: dict[str, tuple[str, Adder]] = {
    "list": ("list the notifiers, and how it goes with each", _list),
    "test": ("send a test message at once and say what the receiver answered, whether or not the agent is up", _test),
    "outbox": ("show what waits to be delivered, and what was refused for good", _outbox),
    "retry": ("put what was refused for good back in line, and try again at once", _retry),
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands to the parser of the command."""
    add_subcommands(parser, SUBCOMMANDS)
