"""A repository of restic in the life of an agent: backed up, verified, drilled, pruned, damaged and restored."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli.backups.place import this_host
from tests.system.agent import AgentUnderTest, agent_in
from tests.system.backups import restic_repository, trees

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Host:
    """An agent that backs up a tree and a database of SQLite into a repository of restic."""

    def __init__(self, agent: AgentUnderTest) -> None:
        self.agent = agent
        self.tree = agent.place / "srv" / "tree"
        trees.make(self.tree)
        self.database = agent.place / "srv" / "notes.db"
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("create table notes (text)")
            connection.executemany("insert into notes values (?)", [(f"note {number}",) for number in range(500)])
        self.repository = agent.place / "repository"
        restic_repository.make(self.repository)
        password = agent.place / "password"
        password.write_text(restic_repository.PASSWORD)
        password.chmod(0o600)
        create = {
            "repository": "vault",
            "sources": [{"path": str(self.tree)}, {"database": "notes"}],
            "full": {"every": "7d"},
            "between": "incremental",
            "keep": {"last": 2},
        }
        policy = {
            "version": 1,
            "databases": {"notes": {"sqlite": {"path": str(self.database)}}},
            "repositories": {"vault": {"restic": {"repository": str(self.repository), "password_file": str(password)}}},
            "tasks": {
                "backup-notes": {"action": "backup.create", "with": create},
                "check": {"action": "backup.verify", "with": {"repository": "vault"}},
                "drill": {"action": "backup.drill", "with": {"repository": "vault", "task": "backup-notes"}},
            },
        }
        agent.policy(yaml.safe_dump(policy))

    def do(self, *arguments: str, code: int = 0) -> str:
        done = self.agent.command(*arguments)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def facts(self, *arguments: str, code: int = 0) -> dict[str, Any]:
        """Run a command with --json; return the facts of all its steps."""
        done = self.agent.command(*arguments, "--json")
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return {name: fact for step in json.loads(done.stdout)["steps"] for name, fact in step["facts"].items()}

    def rows(self) -> int:
        with closing(sqlite3.connect(self.database)) as connection:
            (number,) = connection.execute("select count(*) from notes").fetchone()
        return int(number)


@pytest.fixture
def host() -> Iterator[Host]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/var/tmp") as place, agent_in(Path(place)) as agent:
        os.chmod(place, 0o711)
        yield Host(agent)


def test_restic_in_the_life_of_an_agent(host: Host, tmp_path: Path) -> None:
    host.do("plan", "backup-notes")
    first = host.facts("run", "backup-notes")
    assert (first["level"], first["flaws"]) == ("full", 0)
    second = host.facts("run", "backup-notes")
    assert (second["level"], second["flaws"]) == ("incremental", 0)
    host.facts("run", "check")
    drilled = host.facts("run", "drill")
    assert drilled["backup"] == second["backup"]
    third = host.facts("run", "backup-notes")
    assert first["backup"] not in host.do("backup", "list")
    assert third["backup"] in host.do("backup", "list", "--json")

    host.do("backup", "restore", "latest", "--task", "backup-notes", "--to", str(tmp_path / "there"))
    assert trees.differences(host.tree, Path(f"{tmp_path}/there{host.tree}")) == []

    before = trees.paths(host.tree)
    (host.tree / "plain").unlink()
    (host.tree / "new").touch()
    with closing(sqlite3.connect(host.database)) as connection, connection:
        connection.execute("delete from notes where rowid > 100")
    host.do("backup", "restore", third["backup"][:8], "--task", "backup-notes", "--yes-on", this_host())
    assert trees.paths(host.tree) == before
    assert host.rows() == 500

    largest = max((host.repository / "data").rglob("*"), key=lambda path: path.stat().st_size if path.is_file() else 0)
    largest.unlink()
    assert "damaged" in host.do("run", "check", code=4)
    host.do("backup", "restore", "latest", "--task", "backup-notes", "--to", str(tmp_path / "again"), code=4)
    assert not (tmp_path / "again").exists() or list((tmp_path / "again").iterdir()) == []
