"""The boxes of actions on logs, apart from the actions: whoever starts a run need not load what it does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.box import Box


def analyze(options: Mapping[str, Any]) -> Box:
    """Given the options of `logs.analyze`, return its box: it reads logs, whosever they are, and writes nothing."""
    del options
    return Box(capabilities=("CAP_DAC_READ_SEARCH",))


def vacuum(options: Mapping[str, Any]) -> Box:
    """Given the options of `logs.vacuum`, return its box: it deletes files of the journal."""
    named = options.get("directory")
    return Box(
        writable=("/var/log/journal", "/run/log/journal") if named is None else (named,),
        capabilities=("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER"),
    )


def rotate(options: Mapping[str, Any]) -> Box:
    """Given the options of `logs.rotate`, return its box: it writes to the directories of its logs, as their owners."""
    return Box(
        writable=tuple(dict.fromkeys(path.rpartition("/")[0] or "/" for path in options["paths"])),
        capabilities=(
            *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"),
            *("CAP_SETGID", "CAP_SETUID"),
        ),
        # logrotate becomes the owner of a directory, and gives new logs to theirs.
        programs=True,
        services=bool(options.get("services")),
    )
