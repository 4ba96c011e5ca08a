"""A fault: what strikes, and what mends it again."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.system.soak.world import SoakWorld


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` does harm, asks what must hold meanwhile, and mends it; it returns a few words on what it did.

    Whoever `ends` the daemon leaves it ended: that it is started again is up to the caller.
    """

    name: str
    strike: Callable[[SoakWorld, random.Random], str]
    ends: bool = False
