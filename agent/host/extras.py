"""Libraries that only some need: extras of our package, imported when one of them is asked for."""

from __future__ import annotations

import contextlib
import importlib
import sys
from typing import Any

from agent.errors import RunFailed

_OF_DEBIAN = "/usr/lib/python3/dist-packages"
"""Where Debian has it, which the environment of our own package does not look into."""


def extra(module: str, missing: str) -> Any:
    """Given a module, return it, of our own environment or else of Debian's. Raises RunFailed that says `missing`."""
    for further in ((), (_OF_DEBIAN,)):
        sys.path += further
        with contextlib.suppress(ImportError):
            return importlib.import_module(module)
    raise RunFailed(missing)
