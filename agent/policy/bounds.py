"""How large a policy file may be, in every direction in which a hostile one could grow."""

from __future__ import annotations

MAX_BYTES = 1 << 20
MAX_DEPTH = 32
MAX_NODES = 50_000
"""Counted in the expanded document: an alias counts as all that it stands for."""

MAX_SCALAR = 64 << 10
MAX_TEXT = 2 << 20
"""All scalars of the expanded document together, in characters."""

SMALL_BYTES = 64 << 10
SMALL_LINE = 160
SMALL_BRACKETS = 64
"""A file within these three needs no look at its nesting before it is composed: see `agent.policy.inspection`."""
