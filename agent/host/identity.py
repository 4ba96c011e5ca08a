"""Who this host is, as far as spreading work over hosts is concerned."""

from __future__ import annotations

import os

_MACHINE_ID = "/etc/machine-id"


def host_id(configured: str) -> str:
    """Given what the settings say, return it, or the machine id, or the host's name where there is none."""
    if configured:
        return configured
    try:
        with open(_MACHINE_ID, encoding="ascii") as file:
            found = file.read().strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    return found or os.uname().nodename
