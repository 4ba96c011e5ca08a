"""A host is lost: from the repository alone everything comes back into an empty root, policies and store included."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli.backups.place import this_host
from tests.system.agent import AgentUnderTest, agent_in
from tests.system.backups.journey import tree

pytestmark = pytest.mark.slow


@pytest.fixture
def agent() -> Iterator[AgentUnderTest]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/var/tmp") as place, agent_in(Path(place)) as made:
        os.chmod(place, 0o711)
        yield made


def policy(place: Path) -> dict[str, Any]:
    """The policy that docs/how-to/recover.md recommends, for an agent whose directories are elsewhere."""
    return {
        "version": 1,
        "repositories": {"local": {"tar": {"path": f"{place}/repository"}}},
        "databases": {"hostkeeper": {"sqlite": {"path": f"{place}/state/hostkeeper.db"}}},
        "tasks": {
            "backup-agent": {
                "action": "backup.create",
                "with": {
                    "repository": "local",
                    "sources": [{"path": f"{place}/policies"}, {"database": "hostkeeper"}],
                },
            },
            "backup-shop": {
                "action": "backup.create",
                "with": {"repository": "local", "sources": [{"path": f"{place}/srv/shop"}]},
            },
        },
    }


def test_lost_host_comes_back_from_its_repository_alone(agent: AgentUnderTest) -> None:
    place = agent.place
    shop = place / "srv" / "shop"
    shop.mkdir(parents=True)
    (shop / "orders").write_text("1\n2\n")
    os.chown(shop / "orders", 1234, 1234)
    agent.policy(yaml.safe_dump(policy(place)))
    for task in ("backup-shop", "backup-agent"):
        assert agent.command("run", task).returncode == 0
    (shop / "orders").write_text("1\n2\n3\n")
    os.chown(shop / "orders", 1234, 1234)
    assert agent.command("run", "backup-shop").returncode == 0
    policies, files = tree(agent.policies), tree(shop)
    for lost in (agent.policies, agent.state, shop.parent):
        shutil.rmtree(lost)

    repository = str(place / "repository")
    seen = agent.command("backup", "list", "--repository-path", repository, "--json")
    assert seen.stdout.count('"id"') == 3
    root = place / "root"
    root.mkdir()
    done = agent.command("backup", "recover", "--repository-path", repository, "--host", this_host(), "--to", str(root))
    assert done.returncode == 0, done.stderr
    assert tree(Path(f"{root}{shop}")) == files
    assert tree(Path(f"{root}{agent.policies}")) == policies
    assert sorted(path.name for path in root.iterdir()) == [place.parts[1]]

    again = agent.command("backup", "recover", "--repository-path", repository, "--to", str(root))
    assert again.returncode == 5
    assert "are there already" in again.stderr

    done = agent.command("backup", "recover", "--repository-path", repository, "--to", "/")
    assert done.returncode == 0, done.stderr
    assert tree(shop) == files
    assert tree(agent.policies) == policies
    history = agent.command("history", "--task", "backup-shop")
    assert "succeeded" in history.stdout, history.stderr
    assert agent.command("run", "backup-shop").returncode == 0
