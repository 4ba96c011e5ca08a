"""A whole PostgreSQL server through the command line: backed up, drilled, brought back to a point in time."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.system.agent import AgentUnderTest, agent_in
from tests.system.backups.stanza import Stanza
from tests.system.databases import servers

pytestmark = pytest.mark.slow


@pytest.fixture
def agent(shop: Stanza) -> Iterator[AgentUnderTest]:
    repository = {"pgbackrest": {"stanza": "demo", "config": str(shop.config), "user": servers.who().pw_name}}
    settings = {key: value for key, value in shop.server.settings("postgres").items() if value is not None}
    create = {"repository": "pg", "sources": [{"database": "shop"}]}
    question = {"sql": "select count(*) from orders", "database": "postgres", "equals": 2}
    drill = {"repository": "pg", "task": "server", "assertions": [question]}
    policy = {
        "version": 1,
        "repositories": {"pg": repository},
        "databases": {"shop": {"postgresql": settings}},
        "tasks": {
            "server": {"action": "backup.create", "with": create},
            "drill": {"action": "backup.drill", "with": drill},
        },
    }
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/var/tmp") as place, agent_in(Path(place)) as made:
        os.chmod(place, 0o711)
        made.policy(yaml.safe_dump(policy))
        yield made


def do(agent: AgentUnderTest, *arguments: str) -> Any:
    done = agent.command(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_server_is_proven_and_comes_back_to_an_instant_beside_the_live_one(agent: AgentUnderTest, shop: Stanza) -> None:
    shop.server.sql("create table orders (id int)")
    shop.server.sql("insert into orders values (1), (2)")
    do(agent, "run", "server")
    drilled = do(agent, "backup", "drill", "server")
    assert drilled["steps"][-1]["facts"]["assertions"] == 1
    shop.server.sql("insert into orders values (3)")
    [instant] = shop.server.sql("select clock_timestamp()")
    shop.server.sql("delete from orders")
    shop.archived()
    restored = do(agent, "backup", "restore", "latest", "--task", "server", "--point-in-time", instant)
    stage = restored["steps"][-1]
    directory = stage["facts"]["directory"]
    assert directory.startswith(f"{shop.server.data}.restored-")
    assert "PG_VERSION" in os.listdir(directory)
    assert "systemctl stop postgresql" in stage["output"]
    assert shop.server.sql("select count(*) from orders") == ["0"]
    failed = agent.command("backup", "restore", "latest", "--task", "server", "--path", "/etc")
    assert failed.returncode == 4
    assert "comes back as a whole" in failed.stderr
