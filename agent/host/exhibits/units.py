"""The units of systemd that have failed."""

from __future__ import annotations

from agent.host.tools import output_of

_LIST = ["systemctl", "list-units", "--failed", "--plain", "--no-legend", "--no-pager", "--full"]
_STATE = ["systemctl", "is-system-running"]


def collect() -> tuple[str, str]:
    """Return the failed units, or that there are none."""
    listed, error = output_of(_LIST)
    if error:
        return "", error
    state, _ = output_of(_STATE, codes=None)
    return f"system is {state.strip() or 'in an unknown state'}\n\n{listed.strip() or 'no unit has failed'}", ""
