"""The sandbox of the agent's unit: how little it may do, and that all it measures in there is what is outside."""

from __future__ import annotations

import re

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import STATE, UNIT, Host

pytestmark = pytest.mark.root

EXPOSURE = 2.5
MOUNTS = {
    "/home/alice/vault": "size=1m,nr_inodes=64",
    "/mnt/closed": "size=2m,nr_inodes=100,ro",
    "/mnt/late": "size=3m,nr_inodes=200",
    "/tmp/scratch": "size=4m,nr_inodes=300",
}
NAMES = ("systemd", "dbus-daemon", "nobody-home")
ALWAYS = ("host_cpu_", "host_load_", "host_memory_", "host_pressure_", "host_file_descriptors_", "host_uptime_")
STEADY = ("host_disk_total_bytes", "host_disk_free_bytes", "host_disk_inodes_free", "host_disk_read_only")
"""What does not change between two looks at the mounts above, on which nobody writes."""


def policy() -> str:
    """Thresholds that have each mount and each name measured."""
    lines = [
        f"  disk-{number}: {{signal: disk.used_percent, labels: {{mountpoint: {path}}}, above: 99, for: 1h}}"
        for number, path in enumerate(["/tmp", *MOUNTS])
    ]
    lines += [
        f"  process-{number}: {{signal: {signal}, labels: {{name: {name}}}, above: 99, for: 1h}}"
        for number, (signal, name) in enumerate(
            (s, n) for s in ("process.count", "process.memory_bytes") for n in NAMES
        )
    ]
    return "version: 1\nthresholds:\n" + "\n".join(lines) + "\n"


def measured(host: Host, socket: str) -> dict[str, float]:
    """Return the number of every series about the host that an agent shows."""
    found = re.findall(r"^hostkeeper_(host_\S+(?:\{.*\})?) (\S+)$", host.get("/metrics", socket)[1], re.MULTILINE)
    return {name: float(number) for name, number in found}


def mount(host: Host, path: str) -> None:
    host.run("mkdir", "-p", path)
    host.run("mount", "-t", "tmpfs", "-o", MOUNTS[path], "none", path)


def test_exposure_is_low(host: Host) -> None:
    lines = host.out("systemd-analyze", "security", "--no-pager", UNIT).splitlines()
    (overall,) = [line for line in lines if "Overall exposure level" in line]
    assert float(re.findall(r": ([\d.]+)", overall)[0]) <= EXPOSURE


def test_what_is_measured_inside_is_what_is_outside(host: Host) -> None:
    host.run("useradd", "--create-home", "alice")
    host.run("chmod", "0700", "/home/alice")
    for path in MOUNTS:
        if path != "/mnt/late":
            mount(host, path)
    host.run("chown", "alice:", "/home/alice/vault")
    host.policy(policy())
    outside = "/run/outside.sock"
    host.bed.write("/etc/outside.yaml", f"metrics: {{listen: 'unix:{outside}'}}\nsample_every: 1s\n", mode=0o600)
    host.start()
    arguments = ("hostkeeper", "agent", "--state", "/var/lib/outside", "--config", "/etc/outside.yaml")
    host.run("systemd-run", "--unit=outside", *arguments)
    mount(host, "/mnt/late")
    late = 'host_disk_total_bytes{mountpoint="/mnt/late"}'
    sockets = ("/run/hostkeeper/metrics.sock", outside)
    wait_for(lambda: all(late in measured(host, socket) for socket in sockets))
    wait_for(lambda: all(any("host_cpu_used" in name for name in measured(host, socket)) for socket in sockets))
    inner, outer = (measured(host, socket) for socket in sockets)
    assert set(inner) == set(outer)
    assert all(any(name.startswith(kind) for name in inner) for kind in ALWAYS)
    for path in MOUNTS:
        for family in STEADY:
            name = f'{family}{{mountpoint="{path}"}}'
            assert inner[name] == outer[name], name
    assert inner['host_disk_read_only{mountpoint="/mnt/closed"}'] == 1
    assert inner['host_disk_read_only{mountpoint="/"}'] == 0
    for name in NAMES:
        series = f'host_processes{{name="{name}"}}'
        assert (inner[series], inner[series] > 0) == (outer[series], name != "nobody-home")
    assert inner["host_memory_total_bytes"] == outer["host_memory_total_bytes"]


def test_agent_can_write_its_state_and_nothing_else(host: Host) -> None:
    host.start()
    inside = ("nsenter", "--target", str(host.pid()), "--mount", "--")
    for path in ("/etc", "/usr", "/home", "/root", "/srv", "/var", "/var/log", "/var/tmp", "/run", "/tmp", "/dev/shm"):
        done = host.run(*inside, "touch", f"{path}/written", check=False)
        assert "Read-only file system" in done.stderr, path
    host.run(*inside, "touch", f"{STATE}/written", "/run/hostkeeper/written")
    for device in ("/dev/kmsg", "/dev/fuse", "/dev/net/tun"):
        assert host.run(*inside, "test", "-e", device, check=False).returncode == 1
    status = dict(re.findall(r"^(\w+):\t(.*)$", host.bed.path(f"/proc/{host.pid()}/status").read_text(), re.MULTILINE))
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd")} == {"0000000000000004"}, "CAP_DAC_READ_SEARCH"
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


@pytest.mark.parametrize("suite", ["trixie"], indirect=True)
def test_runs_that_would_share_the_sandbox_are_told_of(host: Host) -> None:
    host.start()
    assert "share the sandbox" not in host.out("journalctl", "--unit", UNIT)
    host.settings("launcher: child\n")
    host.run("systemctl", "restart", UNIT)
    assert "share the sandbox of its unit" in host.out("journalctl", "--unit", UNIT, "--priority", "err")


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_policy_that_another_user_may_write_is_refused_in_there_too(host: Host) -> None:
    host.policy("version: 1\ntasks: {hello: {action: command.run, with: {command: [id]}}}\n")
    host.start()
    host.run("chown", "nobody", "/etc/hostkeeper/policies.d/policy.yaml")
    done = host.run("hostkeeper", "reload", check=False)
    assert done.returncode == 3
    assert "nobody" in done.stdout or "root" in done.stdout
    assert host.run("systemctl", "reload", UNIT, check=False).returncode == 1
