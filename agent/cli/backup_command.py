"""`hostkeeper backup`: look at backups, bring back from them, prove them."""

from __future__ import annotations

import argparse
import importlib


def main(arguments: argparse.Namespace) -> int:
    """Do the subcommand; each imports what it needs when it is chosen."""
    return int(importlib.import_module(f"agent.cli.backups.{arguments.subcommand}").main(arguments))
