"""The settings file in one process, for commands that read it and end."""

from __future__ import annotations

import os

from agent.errors import Mistake, PolicyError
from agent.model.settings import Settings
from agent.policy.settings import default_settings, settings_from


def load_settings(path: str, *, required: bool = False, root: bool | None = None) -> Settings:
    """Given the path of agent.yaml, return the settings; the defaults if there is no such file, and none is required.

    `root` demands that the file is root's alone (without it: when this process is root's). Raises PolicyError with
    every mistake.
    """
    if not os.path.lexists(path):
        if required:
            raise PolicyError([Mistake(path, 0, 0, "", "does not exist", "name another, or leave --config out")])
        return default_settings()
    # Many a host has no such file, and then no parser is needed.
    from agent.policy.broken import Broken  # noqa: PLC0415
    from agent.policy.compile import Compiler  # noqa: PLC0415
    from agent.policy.source import Busy, read_alone  # noqa: PLC0415

    try:
        source = read_alone(path, root=os.geteuid() == 0 if root is None else root)
        return settings_from(Compiler(actions=()).settings(source.data, path))
    except Broken as broken:
        raise PolicyError(broken.mistakes) from None
    except Busy:
        raise PolicyError([Mistake(path, 0, 0, "", "is being written", "try again when it is complete")]) from None
    except FileNotFoundError:
        raise PolicyError(
            [Mistake(path, 0, 0, "", "leads nowhere", "remove it, or restore what it leads to")]
        ) from None
