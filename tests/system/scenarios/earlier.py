"""Makes a backup of yesterday: `python -m tests.system.scenarios.earlier POLICIES STATE TASK PATH`.

A process of its own, since whoever runs programs ends what their process leaves behind, and tests share one.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time

from agent.drivers.database import Tools
from agent.drivers.repositories import open_repository
from agent.drivers.repository import Request
from agent.host.clock import SystemClock
from agent.host.processes import SystemProcesses
from agent.model.backups import Level
from agent.policy.load import load
from agent.probes.catalogue import SIGNALS
from agent.store import Store


def main(policies: str, state: str, task: str, path: str) -> None:
    """Make a full backup of a path into the repository of a task, dated a day ago."""
    definition = json.loads(load(policies, SIGNALS).tasks[task].options)["repository"]
    request = Request(
        host=os.uname().nodename,
        task=task,
        level=Level.FULL,
        parent=None,
        now=time.time() - 86_400,
        paths=(path,),
        exclude=(),
        one_file_system=False,
        databases=(),
    )
    with tempfile.TemporaryDirectory() as scratch, Store(state) as store:
        tools = Tools(
            processes=SystemProcesses(),
            clock=SystemClock(),
            stop=lambda: False,
            progress=lambda _done, _total, _unit: None,
            scratch=scratch,
            keep=scratch,
        )
        repository = open_repository(definition, tools)
        repository.prepare()
        store.ledger.made(repository.create(request))


if __name__ == "__main__":
    main(*sys.argv[1:])
