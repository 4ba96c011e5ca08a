"""The boxes of actions on files, apart from the actions: whoever starts a run need not load what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.box import Box


def retain(options: Mapping[str, Any]) -> Box:
    """Given the options of `files.retain`, return its box: it deletes below its paths, whosever the files are."""
    return Box(
        writable=tuple(options["paths"]),
        capabilities=("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER"),
    )
