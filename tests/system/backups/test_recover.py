"""A host is lost: from the repository alone everything comes back into an empty root, policies and store included."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli.backups.place import this_host
from tests.system.agent import AgentUnderTest, agent_in
from tests.system.backups import restic_repository
from tests.system.backups.journey import tree

pytestmark = pytest.mark.slow


@pytest.fixture
def agent() -> Iterator[AgentUnderTest]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/var/tmp") as place, agent_in(Path(place)) as made:
        os.chmod(place, 0o711)
        yield made


def repository(engine: str, place: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Make what a repository needs; return it as a policy names it, and as the command does that has no policy."""
    where = place / "repository"
    if engine == "tar":
        return {"tar": {"path": str(where)}}, ("--repository-path", str(where))
    restic_repository.make(where)
    key = place / "password"
    key.write_text(restic_repository.PASSWORD)
    key.chmod(0o600)
    settings = {"repository": str(where), "password_file": str(key)}
    return {"restic": settings}, ("--restic", str(where), "--password-file", str(key))


def policy(place: Path, local: dict[str, Any]) -> dict[str, Any]:
    """The policy that docs/how-to/recover.md recommends, for an agent whose directories are elsewhere."""
    return {
        "version": 1,
        "repositories": {"local": local},
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


def installed_anew(agent: AgentUnderTest) -> None:
    """Have the agent be at work as a package leaves it: without a task."""
    agent.policies.mkdir(mode=0o700)
    agent.policy("version: 1\n")
    agent.start()


def into_an_empty_root(agent: AgentUnderTest, named: Sequence[str], trees: Mapping[Path, object]) -> None:
    root = agent.place / "root"
    root.mkdir()
    done = agent.command("backup", "recover", *named, "--host", this_host(), "--to", str(root))
    assert done.returncode == 0, done.stderr
    assert {path: tree(Path(f"{root}{path}")) for path in trees} == trees
    assert sorted(path.name for path in root.iterdir()) == [agent.place.parts[1]]

    again = agent.command("backup", "recover", *named, "--to", str(root))
    assert again.returncode == 5
    assert "are there already" in again.stderr


@pytest.mark.parametrize("engine", ["tar", "restic"])
def test_lost_host_comes_back_from_its_repository_alone(agent: AgentUnderTest, engine: str) -> None:
    place = agent.place
    local, named = repository(engine, place)
    shop = place / "srv" / "shop"
    shop.mkdir(parents=True)
    (shop / "orders").write_text("1\n2\n")
    os.chown(shop / "orders", 1234, 1234)
    agent.policy(yaml.safe_dump(policy(place, local)))
    for task in ("backup-shop", "backup-agent"):
        assert agent.command("run", task).returncode == 0
    (shop / "orders").write_text("1\n2\n3\n")
    os.chown(shop / "orders", 1234, 1234)
    assert agent.command("run", "backup-shop").returncode == 0
    policies, files = tree(agent.policies), tree(shop)
    for lost in (agent.policies, agent.state, shop.parent):
        shutil.rmtree(lost)

    seen = agent.command("backup", "list", *named, "--json")
    assert seen.stdout.count('"id"') == 3
    into_an_empty_root(agent, named, {shop: files, agent.policies: policies})
    installed_anew(agent)
    assert "stop that first" in agent.command("backup", "recover", *named, "--to", "/").stderr
    agent.end()
    done = agent.command("backup", "recover", *named, "--to", "/")
    assert done.returncode == 0, done.stderr
    assert f"{place}/state/.hostkeeper-restore" in done.stdout, "the new agent's own store is kept"
    assert "backup-shop: 1 files compared" in done.stdout
    assert tree(shop) == files
    assert tree(agent.policies) == policies
    assert agent.command("history", "verify").returncode == 0, "heads of the new agent's history are in the way"
    history = agent.command("history", "--task", "backup-shop")
    assert "succeeded" in history.stdout, history.stderr
    assert agent.command("run", "backup-shop").returncode == 0
