"""`hostkeeper incident`: what was wrong on this host, what was seen of it, and what became of it."""

from __future__ import annotations

import argparse
import importlib


def main(arguments: argparse.Namespace) -> int:
    """Do the subcommand; each imports what it needs when it is chosen."""
    return int(importlib.import_module(f"agent.cli.incidents.{arguments.subcommand}").main(arguments))
