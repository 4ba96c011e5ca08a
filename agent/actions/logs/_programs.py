"""Which programs there are to work on logs with."""

from __future__ import annotations

import os
import shutil

from agent.host.following.unpacking import PATH


def installed(name: str) -> str | None:
    """Given the name of a program, return its path, None where there is none."""
    return shutil.which(name, path=os.environ.get("PATH", PATH))
