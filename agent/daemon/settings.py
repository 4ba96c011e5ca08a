"""The agent's settings at start: compiled in a child like the policies, and remembered for the next start."""

from __future__ import annotations

import os
from typing import Any

from agent.daemon.compiler import COMMAND
from agent.engine.in_force import SETTINGS, settings_in_force, settings_key
from agent.errors import Mistake, PolicyError
from agent.host.helper import Helper
from agent.model.settings import Settings
from agent.policy.protocol import Answers, Request, Status
from agent.policy.settings import default_settings, settings_from
from agent.store import Store


def settings_of(store: Store, path: str, fingerprint: str, *, required: bool) -> Settings:
    """Given the path of `agent.yaml`, return the settings; without a file, and if none is required, the defaults.

    `fingerprint` names the compiler: what another one compiled is compiled anew. Raises PolicyError.
    """
    known = settings_in_force(store, path, fingerprint)
    if known is not None:
        return known
    try:
        key = settings_key(path, fingerprint)
    except OSError as error:
        if not required and isinstance(error, FileNotFoundError):
            if store.facts.get(SETTINGS) is not None:
                store.facts.set(SETTINGS, None)
            return default_settings()
        raise PolicyError(
            [Mistake(path, 0, 0, "", f"cannot be read: {error.strerror}", "name it with --config")]
        ) from None
    values = _compile(path)
    store.facts.set(SETTINGS, {"key": key, "values": values})
    return settings_from(values)


def _compile(path: str) -> dict[str, Any]:
    request = Request(os.path.dirname(path) or ".", (), (), settings=path, root=os.geteuid() == 0)
    answers = Answers(request)
    helper = Helper(COMMAND, request.encode())
    os.set_blocking(helper.fileno(), True)
    found = []
    while data := helper.read():
        found += answers.feed(data)
    how = helper.end()
    failed = answers.failed(how or "it stopped early")
    if failed is not None:
        found.append(failed)
    answer = found[0]
    if answer.status is Status.OK and answer.settings is not None:
        return dict(answer.settings)
    wrong = "is being written" if answer.status is Status.BUSY else "leads nowhere"
    raise PolicyError(answer.mistakes or [Mistake(path, 0, 0, "", wrong, "start again when it is complete")])
