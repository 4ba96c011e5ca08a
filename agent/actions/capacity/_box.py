"""The boxes of actions on capacity, apart from the actions: whoever starts a run need not load what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.box import Box


def forecast(options: Mapping[str, Any]) -> Box:
    """Given the options of `capacity.forecast`, return its box: it reads what the agent measured, and no more."""
    del options
    return Box()
