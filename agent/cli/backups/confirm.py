"""Have a person say on which host something live is replaced."""

from __future__ import annotations

import sys

from agent.cli.backups.place import this_host
from agent.cli.output import harmless
from agent.errors import Refused

_NOT_CONFIRMED = "not_confirmed"


def confirm(yes_on: str | None, what: str) -> None:
    """Given what `--yes-on` says, and what is about to be done, ask on a terminal. Raises Refused unless it is wanted.

    The name of the host is asked for, because the wrong terminal is the commonest mistake there is.
    """
    host = this_host()
    if yes_on is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise Refused(_NOT_CONFIRMED, f"{what}, and nobody is there to ask: add --yes-on {host} if that is wanted")
        print(f"{what}. Type the name of this host to go on: ", end="", file=sys.stderr, flush=True)
        yes_on = sys.stdin.readline().strip()
    if yes_on != host:
        raise Refused(_NOT_CONFIRMED, f"this host is {host} and not {harmless(yes_on)!r}: nothing was touched")
