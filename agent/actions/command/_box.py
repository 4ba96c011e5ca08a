"""The boxes of actions on commands, apart from the actions: whoever starts a run need not load what it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import structs

from agent.model.box import UNCONFINED, Box
from agent.rules.confinement import names_tmp

ROOT = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"),
    *("CAP_SETGID", "CAP_SETUID"),
)
"""What a command as root has without asking: files whosever they are, and becoming somebody else."""

OTHERS = ("CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_SETGID", "CAP_SETUID")
"""What it takes to become another user in a directory of theirs, and to end what they started."""


def run(options: Mapping[str, Any]) -> Box:
    """Given the options of `command.run`, return its box; what they do not name is not given."""
    credentials = tuple(options.get("credentials", ()))
    if options.get("privileged"):
        return structs.replace(UNCONFINED, credentials=credentials)
    own = ROOT if options.get("user") in (None, "root") else OTHERS
    # A credential that is lent to another user becomes a file of theirs.
    own = (*own, "CAP_CHOWN") if credentials else own
    return Box(
        writable=tuple(options.get("writable", ())),
        capabilities=tuple(sorted({*own, *options.get("capabilities", ())})),
        programs=True,
        network=bool(options.get("network")),
        services=bool(options.get("services")),
        devices=bool(options.get("devices")),
        shared_tmp=names_tmp(_texts(options)),
        credentials=credentials,
    )


def _texts(options: Mapping[str, Any]) -> Iterator[str]:
    yield from (*options["command"], *(options.get("undo") or ()), options.get("directory", "/"))
    yield from options.get("environment", {}).values()
