"""`hostkeeper notify`: who is told, what waits to be told, and whether it arrives."""

from __future__ import annotations

import argparse
import importlib


def main(arguments: argparse.Namespace) -> int:
    """Do the subcommand; each imports what it needs when it is chosen."""
    return int(importlib.import_module(f"agent.cli.notifying.{arguments.subcommand}").main(arguments))
