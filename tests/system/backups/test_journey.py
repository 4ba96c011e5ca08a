"""A database of each engine and a tree beside it: backed up, damaged, drilled and restored through the command line."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.agent import agent_in
from tests.system.backups.journey import Shop, shop, tree
from tests.system.databases.conftest import engine
from tests.system.databases.engines import Engine

__all__ = ["engine"]

pytestmark = pytest.mark.slow


@pytest.fixture
def host(engine: Engine) -> Iterator[Shop]:
    with tempfile.TemporaryDirectory(prefix="hk-", dir="/var/tmp") as place, agent_in(Path(place)) as agent:
        os.chmod(place, 0o711)
        with shop(agent, engine) as made:
            yield made


def damage(host: Shop) -> None:
    assert host.engine is not None
    host.engine.sql("delete from parts", host.database)
    host.engine.sql("update items set label = 'spoilt' where id > 100", host.database)
    (host.tree / "conf").write_text("damaged")
    (host.tree / "uploads" / "logo").unlink()
    (host.tree / "new").write_text("since")


def test_damaged_shop_comes_back_and_is_proven(host: Shop, tmp_path: Path) -> None:
    assert host.engine is not None
    files, rows = host.files(), host.digests()
    first = host.back_up()

    question = {"sql": "select count(*) from items", "database": "shop", "at_least": 400}
    exists = {"exists": str(host.tree / "conf"), "min_size": 5}
    host.write(assertions=[question, exists])
    drilled = host.data("backup", "drill", "backup-shop")
    assert drilled["task"] == "drill-shop"
    facts = drilled["steps"][-1]["facts"]
    assert facts["backup"] == first
    assert facts["assertions"] == 2
    assert facts["tables"] == 5
    assert facts["rows"] > 700

    damage(host)
    damaged, spoilt = host.files(), host.digests()

    there = tmp_path / "there"
    host.do("backup", "restore", "latest", "--task", "backup-shop", "--to", str(there))
    assert tree(Path(f"{there}{host.tree}")) == files
    assert any(path.name.startswith("shop.") for path in there.iterdir())
    assert (host.files(), host.digests()) == (damaged, spoilt)

    host.do("backup", "restore", "latest", "--task", "backup-shop", code=5)
    assert (host.files(), host.digests()) == (damaged, spoilt)

    run = host.restore()
    assert run["state"] == "succeeded"
    assert host.files() == files
    assert host.digests() == rows
    clean = run["steps"][-1]["facts"]
    assert tree(Path(f"{clean['kept']}{host.tree}")) == damaged
    assert clean["shop_beside"]
    assert str(run["id"]) in host.do("history")
    assert "backup-shop.restore" in host.do("why", str(run["id"]))


def test_drill_works_without_the_live_database(host: Shop) -> None:
    assert host.engine is not None
    host.back_up()
    host.engine.drop(host.database)
    host.do("backup", "drill", "backup-shop")
    (backup,) = host.data("backup", "list")["repositories"][0]["backups"]
    assert backup["proof"]["checks"]["tables"] == 5


def test_tables_come_back_beside_the_live_database(host: Shop) -> None:
    assert host.engine is not None
    host.back_up()
    host.engine.sql("delete from parts", host.database)
    before = host.digests()
    run = host.restore("--database", "shop", "--table", host.engine.table("parts"))
    assert host.digests() == before
    assert run["steps"][-1]["facts"]["shop_beside"]
    loaded = next(step for step in run["steps"] if step["name"] == "load:shop")
    assert loaded["facts"]["rows"] == 300
