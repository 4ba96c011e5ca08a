"""Actions on logs within the sandbox of their runs, with the journald of a running system."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.system.bed.host import Host

pytestmark = pytest.mark.root

TOOLS = Path(__file__).resolve().parents[3] / ".cache" / "tools" / "root"
POLICY = """
version: 1
tasks:
  rotate:
    action: logs.rotate
    with:
      paths: [/srv/shop/*.log]
      keep: 1
      after: [systemctl, kill, -s, HUP, shop.service]
      services: true
  turn:
    action: logs.rotate
    with: {paths: [/srv/own/*.log, /var/tmp/own/*.log], engine: own, keep: 1, compress: gzip}
  trim:
    action: logs.vacuum
    with: {max_files: 1}
  watch:
    action: logs.analyze
    with:
      files: [/srv/shop/app.log]
      journal: {units: [shop.service]}
"""
SHOP = """
[Service]
User=daemon
ExecStart=/bin/sh -c 'trap "exec >>/srv/shop/app.log" HUP; exec >>/srv/shop/app.log; \
echo ERROR broken in the journal >&2; while :; do echo INFO still here; sleep 0.1; done'
"""


def brought(host: Host) -> None:
    """Bring logrotate into the bed, which has nothing but what every test needs."""
    for name in ("usr/sbin/logrotate", "usr/lib/x86_64-linux-gnu/libpopt.so.0"):
        there = next(root / name for root in (TOOLS, Path("/")) if (root / name).exists())
        shutil.copy(there, host.bed.path(f"/{name}"), follow_symlinks=True)


def turned_over(host: Host) -> None:
    """See that the agent itself rotates in directories of a user, and of everybody, with the rights of that user."""
    places = ("/srv/own", "/var/tmp/own")
    for place, mode in zip(places, ("0750", "1777"), strict=True):
        host.run("mkdir", "-m", mode, place)
    host.run("chown", "daemon:daemon", places[0])
    for content in ("oldest", "old", "now"):
        for place in places:
            host.bed.write(f"{place}/a.log", content)
            host.run("chown", "daemon:adm", f"{place}/a.log")
            host.run("chmod", "0640", f"{place}/a.log")
        done = host.run("hostkeeper", "run", "turn", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    for place in places:
        shown = host.run("sh", "-c", f"stat -c '%U:%G %a %s' {place}/a.log; cat {place}/a.log-*").stdout
        assert shown == "daemon:adm 640 0\nnow", shown


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_logs_are_rotated_cleared_out_and_analysed_within_the_sandbox_of_runs(host: Host) -> None:
    brought(host)
    host.bed.write("/etc/systemd/system/shop.service", SHOP)
    host.run("mkdir", "/srv/shop")
    host.run("chown", "daemon:daemon", "/srv/shop")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "shop.service")
    host.policy(POLICY)
    host.start()
    place = host.bed.path("/srv/shop")
    host.run("sh", "-c", "until test -s /srv/shop/app.log; do sleep 0.1; done")
    for _ in range(2):
        done = host.run("hostkeeper", "run", "rotate", check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        host.run("sh", "-c", "until test -s /srv/shop/app.log; do sleep 0.1; done")
    assert len(list(place.iterdir())) == 2
    assert {path.stat().st_uid for path in place.iterdir()} == {1}
    turned_over(host)
    for task in ("watch", "trim"):
        done = host.run("hostkeeper", "run", task, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert host.command("findings").strip() == "no findings"
    run = host.wait_for_run("watch", "succeeded")
    shown = host.command("history", str(run["id"]))
    assert "messages.error 1" in shown, shown
