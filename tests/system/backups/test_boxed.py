"""Backups, drills and restores as units of systemd, whose boxes leave them enough; and a host that is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.system.bed.host import Host, host_up

pytestmark = [pytest.mark.root, pytest.mark.slow]

POLICY = """version: 1
repositories:
  local: {tar: {path: /var/backups/hostkeeper}}
databases:
  hostkeeper: {sqlite: {path: /var/lib/hostkeeper/hostkeeper.db}}
tasks:
  shop:
    action: backup.create
    with: {repository: local, sources: [{path: /srv/shop}], keep: {last: 3}}
  agent:
    action: backup.create
    with: {repository: local, sources: [{path: /etc/hostkeeper}, {database: hostkeeper}]}
  drill:
    action: backup.drill
    with: {repository: local, task: shop, assertions: [{command: [test, -u, srv/shop/tool]}]}
"""

FILL = """
mkdir -p /srv/shop/deep
echo orders >/srv/shop/orders
chown 1234:1234 /srv/shop/orders
cp /bin/true /srv/shop/tool
chmod 4755 /srv/shop/tool
mkfifo /srv/shop/deep/fifo
"""


@pytest.fixture
def host(_beds: None) -> Iterator[Host]:
    """One suite is enough: what a box is made of is tested with each."""
    made = host_up("bookworm")
    yield made
    made.bed.down()


def run(host: Host, *arguments: str) -> Any:
    return json.loads(host.out("hostkeeper", *arguments, "--json"))


def test_units_back_up_drill_and_restore(host: Host) -> None:
    host.policy(POLICY)
    host.run("sh", "-euc", FILL)
    before = host.out("ls", "-lnR", "--full-time", "/srv/shop")
    for task in ("shop", "agent"):
        assert run(host, "run", task)["state"] == "succeeded"
    for task in ("shop", "agent"):
        drilled = run(host, "backup", "drill", task)
        assert drilled["state"] == "succeeded", drilled
    host.run("sh", "-c", "echo damaged >/srv/shop/orders; rm /srv/shop/tool")
    name = host.out("uname", "-n").strip()
    restored = run(host, "backup", "restore", "latest", "--task", "shop", "--yes-on", name)
    assert restored["state"] == "succeeded", restored
    assert host.out("ls", "-lnR", "--full-time", "/srv/shop") == before
    (listed,) = run(host, "backup", "list")["repositories"]
    assert all(one["proof"] for one in listed["backups"])

    before_loss = host.out("ls", "-lnR", "--full-time", "/srv/shop", "/etc/hostkeeper")
    host.run("rm", "-rf", "/srv/shop", "/etc/hostkeeper", "/var/lib/hostkeeper")
    host.run("hostkeeper", "backup", "recover", "--repository-path", "/var/backups/hostkeeper", "--to", "/")
    assert host.out("ls", "-lnR", "--full-time", "/srv/shop", "/etc/hostkeeper") == before_loss
    host.start()
    assert "shop" in host.out("hostkeeper", "tasks")
    assert "succeeded" in host.out("hostkeeper", "history", "--task", "shop")
