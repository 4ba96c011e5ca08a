"""Where probes keep what they remember: a directory each, below the one that the prober may use."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection

from agent.errors import RunFailed

LOG = logging.getLogger(__name__)


def place_of(scratch: str, name: str) -> str:
    """Return the directory of a probe, made if need be, for this user alone. Raises OSError."""
    place = os.path.join(scratch, name)
    os.makedirs(place, mode=0o700, exist_ok=True)
    return place


def remove_others(scratch: str, names: Collection[str]) -> None:
    """Given the names of all probes, remove the directories of others, which were taken out of the policies."""
    try:
        others = sorted(set(os.listdir(scratch)) - set(names))
    except FileNotFoundError:
        return
    if others:
        from agent.host.scratch import remove_whole  # noqa: PLC0415 - it is seldom that a probe is taken out

        for name in others:
            try:
                remove_whole(os.path.join(scratch, name))
            except (OSError, RunFailed) as error:
                LOG.warning("what the probe %s remembered is left behind: %s", name, error)
