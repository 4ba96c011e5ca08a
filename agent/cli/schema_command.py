"""`hostkeeper schema`: one JSON Schema of a policy file, actions included, from which an editor completes."""

from __future__ import annotations

import argparse

from agent.cli.output import emit_json
from agent.errors import ExitCode
from agent.schema import Schemas


def main(arguments: argparse.Namespace) -> int:
    """Print the bundle; it is JSON either way."""
    del arguments
    emit_json(Schemas().bundle())
    return ExitCode.OK
