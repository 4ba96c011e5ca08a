"""A host with a shop: its files, its database, its policies, and what happens to them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from agent.cli.backups.place import this_host
from tests.system.agent import AgentUnderTest
from tests.system.databases.engines import Engine, PostgreSQLEngine, SQLiteEngine, _Served


class Shop:
    """An agent with one task that backs up a tree and, if there is an engine, a database; one that drills it."""

    def __init__(self, agent: AgentUnderTest, engine: Engine | None = None) -> None:
        self.agent = agent
        self.engine = engine
        self.tree = agent.place / "srv" / "shop"
        self.repository = agent.place / "repository"
        (self.tree / "uploads").mkdir(parents=True)
        (self.tree / "uploads" / "logo").write_bytes(b"logo" * 5000)
        (self.tree / "conf").write_text("version 1\n")
        (self.tree / "link").symlink_to("uploads/logo")
        os.link(self.tree / "conf", self.tree / "same")
        self.database = engine.make() if engine is not None else ""
        self.write()

    def write(self, **assertions: Any) -> None:
        """Write the policies; `assertions` are for the drill."""
        sources: list[dict[str, str]] = [{"path": str(self.tree)}]
        policy: dict[str, Any] = {"version": 1, "repositories": {"local": {"tar": {"path": str(self.repository)}}}}
        if self.engine is not None:
            policy["databases"] = {"shop": {self.engine.name: self.settings()}}
            sources.append({"database": "shop"})
        create = {"repository": "local", "sources": sources, "keep": {"last": 5}}
        drill = {"repository": "local", "task": "backup-shop", **assertions}
        policy["tasks"] = {
            "backup-shop": {"action": "backup.create", "with": create},
            "drill-shop": {"action": "backup.drill", "with": drill},
        }
        self.agent.policy(yaml.safe_dump(policy))

    def settings(self) -> dict[str, Any]:
        """Return how a policy names the database."""
        if isinstance(self.engine, _Served):
            return {
                key: value for key, value in self.engine.server.settings(self.database).items() if value is not None
            }
        return {"path": self.database}

    def do(self, *arguments: str, code: int = 0) -> str:
        """Run a command to the exit code that it must have; return what it printed."""
        done = self.agent.command(*arguments)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def data(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json, and return the data."""
        done = self.agent.command(*arguments, "--json")
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return json.loads(done.stdout)

    def back_up(self) -> str:
        """Make a backup; return its id."""
        run = self.data("run", "backup-shop")
        made: str = next(step["facts"]["backup"] for step in run["steps"] if step["name"] == "back-up")
        return made

    def restore(self, *arguments: str, code: int = 0) -> Any:
        """Restore what is live without being asked."""
        return self.data(
            "backup", "restore", "latest", "--task", "backup-shop", "--yes-on", this_host(), *arguments, code=code
        )

    def digests(self) -> dict[str, list[str]]:
        """Return what the database holds."""
        assert self.engine is not None
        return {table: self.engine.sql(sql, self.database) for table, sql in self.engine.digests.items()}

    def files(self) -> dict[str, tuple[object, ...]]:
        """Return what the tree is."""
        return tree(self.tree)


def tree(top: Path) -> dict[str, tuple[object, ...]]:
    """Return what is at and below a directory: kind and mode, owner, time, and content or target."""
    found: dict[str, tuple[object, ...]] = {}
    for path in (top, *sorted(top.rglob("*"))):
        about = path.lstat()
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(top))] = (about.st_mode, about.st_uid, about.st_gid, about.st_mtime_ns, content)
    return found


@contextmanager
def shop(agent: AgentUnderTest, engine: Engine | None = None) -> Iterator[Shop]:
    """A shop whose database goes with the test."""
    made = Shop(agent, engine)
    try:
        yield made
    finally:
        if engine is not None:
            engine.drop(made.database)


__all__ = ["PostgreSQLEngine", "SQLiteEngine", "Shop", "shop", "tree"]
