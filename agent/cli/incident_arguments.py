"""The arguments of `hostkeeper incident`; nothing here imports what its subcommands need."""

from __future__ import annotations

import argparse

from agent.cli.subcommands import Adder, add_subcommands


def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="those that are closed as well")


def _one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("incident", metavar="INCIDENT", type=_number, help="the number of the incident")


def _note(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("text", metavar="TEXT", nargs="+", help="what is to be remembered")


def _ack(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("text", metavar="TEXT", nargs="*", help="what you are about to do")


def _close(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--cause", metavar="TEXT", required=True, help="what was the cause, and what was done about it")


def _runbook(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("--step", metavar="N", type=_number, help="do this step at once instead of asking for a key")


def _report(parser: argparse.ArgumentParser) -> None:
    _one(parser)
    parser.add_argument("-o", "--output", metavar="FILE", help="write the page to a file instead of standard output")


SUBCOMMANDS: dict[str, tuple[str, Adder]] = {
    "list": ("list the incidents that are not closed", _list),
    "show": ("show one: what was seen, what was done, and the evidence", _one),
    "note": ("add a note to the timeline", _note),
    "ack": ("say that somebody looks after it", _ack),
    "runbook": ("show what to do, and run the task of a step with one key", _runbook),
    "close": ("close it, and say what the cause was", _close),
    "report": ("write a page to hand on", _report),
}


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a number from 1 on")
    return int(text)


def add(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands to the parser of the command."""
    add_subcommands(parser, SUBCOMMANDS)
