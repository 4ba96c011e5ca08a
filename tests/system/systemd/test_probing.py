"""Probes under a real systemd, from within the sandbox of the agent's unit."""

from __future__ import annotations

import re

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import Host

pytestmark = pytest.mark.root

POLICY = """
version: 1
probes:
  units: {systemd: {units: [shop.service, "systemd-journal*.service"]}, every: 1s, timeout: 1s}
  nobody: {systemd: {units: [no-such.service]}, every: 1s, timeout: 1s}
  host: {ping: {host: 127.0.0.1, count: 1}, every: 1s, timeout: 1s}
  queue: {command: {argv: [cat, /root/queue], reads: number}, every: 1s, timeout: 1s}
  journal: {process: {name: systemd-journald}, every: 1s, timeout: 1s}
  metrics: {textfile: {path: /var/tmp/metrics.prom}, every: 1s, timeout: 1s}
"""
SHOP = """
[Service]
ExecStart=/bin/sleep 600
Restart=no
"""


def shown(host: Host) -> dict[str, float]:
    found = re.findall(r"^hostkeeper_(probe_\S+(?:\{.*\})?) (\S+)$", host.get("/metrics")[1], re.MULTILINE)
    return {name: float(number) for name, number in found}


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_probes_measure_within_the_sandbox_of_the_unit(host: Host) -> None:
    host.bed.write("/etc/systemd/system/shop.service", SHOP)
    host.bed.write("/root/queue", "42\n", mode=0o600)
    host.bed.write("/var/tmp/metrics.prom", 'jobs{queue="mail"} 3\n')
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", "shop.service")
    # As the unit of a host has it; the network of a bed is new.
    host.run("sysctl", "-w", "net.ipv4.ping_group_range=0 2147483647")
    host.policy(POLICY)
    host.start()
    active, failed = (f'probe_systemd_{what}{{probe="units",unit="shop.service"}}' for what in ("active", "failed"))
    wait_for(lambda: shown(host).get(active) == 1, saying=f"for {shown(host)}")
    journal = 'probe_systemd_active{probe="units",unit="systemd-journald.service"}'
    wanted = {
        failed: 0,
        journal: 1,
        'probe_systemd_failed_units{probe="units"}': 0,
        'probe_up{probe="nobody"}': 0,
        'probe_ping_loss_percent{probe="host"}': 0,
        'probe_command_value{probe="queue"}': 42,
        'probe_process_processes{probe="journal"}': 1,
        'probe_value{probe="metrics",queue="mail",signal="jobs"}': 3,
    }
    wait_for(lambda: wanted.items() <= shown(host).items())
    host.run("systemctl", "kill", "--signal=SEGV", "shop.service")
    wait_for(lambda: (shown(host)[active], shown(host)[failed]) == (0, 1))
    wait_for(lambda: shown(host)['probe_systemd_failed_units{probe="units"}'] == 1)
    wait_for(lambda: "there is no unit no-such.service" in host.run("hostkeeper", "status", check=False).stdout)
