"""The stretch of time that `--since` and `--until` name."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, tzinfo

from agent.errors import BadArgument
from agent.report.period import read_instant

LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()
"""Not much later no calendar has days any more."""


def stretch(arguments: argparse.Namespace, now: float, zone: tzinfo) -> tuple[float, float]:
    """Return where it begins and ends, in seconds since the epoch; without an end it is `now`. Raises BadArgument."""
    try:
        since = read_instant(arguments.since, now, zone)
        until = read_instant(arguments.until, now, zone) if arguments.until else now
    except (ValueError, OverflowError) as error:
        raise BadArgument(str(error)) from error
    if until > LATEST:
        raise BadArgument(f"--until {arguments.until} is too far ahead; leave it out for now")
    if not 0 <= since < until:
        raise BadArgument(f"--since {arguments.since} is not before --until {arguments.until or 'now'}")
    return since, until
