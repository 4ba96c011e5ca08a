"""The settings file in one process, for commands that read it and end."""

from __future__ import annotations

import os

from agent.errors import Mistake, PolicyError
from agent.model.settings import Settings
from agent.policy.settings import default_settings, settings_from


def load_settings(path: str, *, root: bool | None = None) -> Settings:
    """Given the path of agent.yaml, return the settings; the defaults if there is no such file.

    `root` demands that the file is root's alone (without it: when this process is root's). Raises PolicyError with
    every mistake.
    """
    if not os.path.lexists(path):
        return default_settings()
    # Many a host has no such file, and then no parser is needed.
    from agent.policy.broken import Broken  # noqa: PLC0415
    from agent.policy.compile import Compiler  # noqa: PLC0415
    from agent.policy.source import Busy, read_source  # noqa: PLC0415
    from agent.policy.trust import Guard, distrust_of  # noqa: PLC0415

    root = os.geteuid() == 0 if root is None else root
    folder = os.path.dirname(path) or "."
    try:
        distrust = distrust_of(folder) if root else []
        if distrust:
            raise Broken([Mistake(path, 0, 0, "", problem.wrong, problem.right) for problem in distrust])
        source = read_source(path, Guard(folder) if root else None)
        return settings_from(Compiler(actions=()).settings(source.data, path))
    except Broken as broken:
        raise PolicyError(broken.mistakes) from None
    except Busy:
        raise PolicyError([Mistake(path, 0, 0, "", "is being written", "try again when it is complete")]) from None
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
        raise PolicyError([Mistake(path, 0, 0, "", wrong, "restore it, or remove it")]) from None
