"""Which launcher an agent has."""

from __future__ import annotations

import logging
import os

from agent.errors import Mistake, PolicyError
from agent.host.unit_support import why_no_units
from agent.model.settings import Settings
from agent.ports import Launcher

LOG = logging.getLogger(__name__)
AUTO = "auto"
CHILD = "child"
SYSTEMD = "systemd"


def chosen(settings: Settings, config: str) -> str:
    """Given the settings and the name of their file, return CHILD or SYSTEMD; raises PolicyError.

    `auto` means units where they can be had.
    """
    if settings.launcher == CHILD:
        return CHILD
    reason = why_no_units()
    if not reason:
        return SYSTEMD
    if settings.launcher == AUTO:
        return CHILD
    raise PolicyError([Mistake(config, 0, 0, "launcher", f"runs cannot be units: {reason}", "write auto or child")])


def launcher_of(settings: Settings, state: str, config: str) -> Launcher:
    """Given the settings, the state directory and the name of the settings' file, return what starts runs.

    Raises PolicyError.
    """
    limits = settings.run_limits
    # Only the one that is used is imported: the agent bears it all its life.
    if chosen(settings, config) == SYSTEMD:
        from agent.host.systemd_launcher import SystemdLauncher  # noqa: PLC0415

        return SystemdLauncher(state, limits=limits, grace=settings.grace)
    from agent.host.launcher import ChildLauncher  # noqa: PLC0415

    if os.statvfs("/").f_flag & os.ST_RDONLY:
        LOG.error(
            "runs are children of the agent (%s), and share the sandbox of its unit, in which they can change nothing: "
            "have them be units, or take the sandbox from hostkeeper.service",
            why_no_units() or "launcher: child",
        )
    return ChildLauncher(state, nice=limits.nice, idle_io=limits.idle_io)
