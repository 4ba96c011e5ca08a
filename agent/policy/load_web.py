"""The web configuration in one process, for `hostkeeper check`."""

from __future__ import annotations

import os

from agent.errors import Mistake, PolicyError
from agent.model.web import WebConfig
from agent.policy.broken import Broken
from agent.policy.compile import Compiler
from agent.policy.source import Busy, read_alone
from agent.policy.web import web_from


def load_web(path: str, *, root: bool | None = None) -> WebConfig:
    """Given the path of a web configuration, return it.

    `root` demands that it and its files are root's alone (without it: when this process is root's). Raises PolicyError
    with every mistake.
    """
    root = os.geteuid() == 0 if root is None else root
    try:
        return web_from(Compiler(actions=()).web(read_alone(path, root=root).data, path, root=root))
    except Broken as broken:
        raise PolicyError(broken.mistakes) from None
    except Busy:
        raise PolicyError([Mistake(path, 0, 0, "", "is being written", "try again when it is complete")]) from None
    except FileNotFoundError:
        wrong, right = "leads nowhere", "restore it, or take web_config_file out of agent.yaml"
        raise PolicyError([Mistake(path, 0, 0, "", wrong, right)]) from None
