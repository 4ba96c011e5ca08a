"""An installed package over its life: upgraded while runs are under way, cut short, removed, purged."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.system.agent import wait_for
from tests.system.bed import Bed
from tests.system.package import DEBS, HOME, POLICIES, STATE, Machine, packages

pytestmark = [pytest.mark.root, pytest.mark.slow]

LONG = """
version: 1
tasks:
  long:
    action: command.run
    max_duration: 5m
    with: {command: [sh, /root/long.sh], repeatable: true, timeout: 4m, writable: [/root]}
"""
LONG_SCRIPT = "echo begun >>/root/marks\nwhile ! [ -e /root/end ]; do sleep 0.1; done\necho ended >>/root/marks\n"
KILLER = (
    "#!/bin/sh\n# Power fails under dpkg: it and the script that called this are gone.\nkill -9 $(pidof dpkg) $PPID\n"
)
"""Stands in for a program that the package's scripts call."""
UPGRADE = ("apt-get", "--yes", "install", f"{DEBS}/newer.deb")


@pytest.fixture
def installed(suite: str) -> Iterator[Machine]:
    """A machine with the package installed and one of its policies enabled."""
    with Bed.up(suite, {packages(): DEBS}) as bed:
        machine = Machine(bed)
        machine.install()
        machine.run("ln", "-s", "available/daily.yaml", f"{POLICIES}/")
        machine.wait_for("hostkeeper", "tasks", says="clean-var-tmp")
        yield machine


def runs(machine: Machine) -> list[tuple[int, str]]:
    """Return number and state of the runs of the long task, newest first."""
    found = json.loads(machine.out("hostkeeper", "history", "--task", "long", "--json"))
    return [(run["id"], run["state"]) for run in (found["runs"] if isinstance(found, dict) else found)]


def test_upgrade_keeps_configuration_and_state_and_ends_the_run_under_way(installed: Machine) -> None:
    installed.write("/root/long.sh", LONG_SCRIPT)
    installed.write(f"{POLICIES}/long.yaml", LONG.replace("action:", "schedule: every 1 seconds\n    action:"))
    wait_for(lambda: installed.exists("/root/marks"), saying="for the run to begin")
    ((number, _),) = [run for run in runs(installed) if run[1] == "running"]
    installed.install("newer.deb")
    assert installed.version() == "99.0-1 installed"
    assert installed.service() == ("active", "enabled")
    wait_for(lambda: installed.out("cat", "/root/marks") == "begun\nbegun", saying="for the run to be resumed")
    installed.write("/root/end", "")
    wait_for(lambda: (number, "succeeded") in runs(installed), saying="for the run to succeed")
    # Settings nobody has edited and the policy behind the link are those of the newer version.
    assert "Of the newer version" in installed.out("cat", "/etc/hostkeeper/agent.yaml")
    assert "Of the newer version" in installed.out("cat", f"{POLICIES}/daily.yaml")


def test_upgrade_waits_for_a_run_that_could_not_be_resumed(installed: Machine) -> None:
    installed.write("/root/long.sh", LONG_SCRIPT)
    once = LONG.replace("action:", "schedule: every 1 seconds\n    action:").replace("repeatable: true", "grace: 1s")
    installed.write(f"{POLICIES}/long.yaml", once)
    wait_for(lambda: installed.exists("/root/marks"), saying="for the run to begin")
    ((number, _),) = [run for run in runs(installed) if run[1] == "running"]
    installed.run("systemd-run", "--unit=upgrade", "--setenv=DEBIAN_FRONTEND=noninteractive", *UPGRADE)
    installed.wait_for("journalctl", "--unit=upgrade", says=f"waits for run {number} of long")
    # From here on the task may not start again, or the upgrade waits for that run as well.
    installed.write(f"{POLICIES}/long.yaml", "version: 1\n")
    installed.write("/root/end", "")
    wait_for(lambda: installed.version() == "99.0-1 installed", saying="for the upgrade")
    assert (number, "succeeded") in runs(installed)


def test_upgrade_leaves_what_was_edited_and_does_not_start_what_was_stopped(installed: Machine) -> None:
    installed.write("/etc/hostkeeper/agent.yaml", "concurrency: 2\n")
    installed.run("rm", f"{POLICIES}/available/weekly.yaml")
    installed.run("systemctl", "stop", "hostkeeper")
    installed.apt("install", "-o", "Dpkg::Options::=--force-confold", f"{DEBS}/newer.deb")
    assert installed.version() == "99.0-1 installed"
    assert installed.service() == ("inactive", "enabled")
    assert installed.out("cat", "/etc/hostkeeper/agent.yaml") == "concurrency: 2"
    assert not installed.exists(f"{POLICIES}/available/weekly.yaml")
    installed.run("systemctl", "start", "hostkeeper")
    assert installed.out("hostkeeper", "status").startswith("healthy")


def test_upgrade_cut_short_again_and_again_is_finished_by_dpkg(installed: Machine) -> None:
    # Killed before anything is unpacked, dpkg itself asks for the archive again.
    install = ["dpkg", "--install", f"{DEBS}/newer.deb"]
    configure = ["dpkg", "--configure", "--pending"]
    for command, program in ((install, "find"), (install, "systemd-tmpfiles"), (configure, "deb-systemd-helper")):
        path = installed.out("sh", "-c", f"command -v {program}")
        installed.run("mv", path, "/root/aside")
        installed.write(path, KILLER, mode=0o755)
        assert installed.run(*command, check=False).returncode != 0
        installed.run("mv", "/root/aside", path)
        assert not installed.version().endswith(" installed")
    installed.run(*configure)
    assert installed.version() == "99.0-1 installed"
    assert installed.service() == ("active", "enabled")
    assert installed.out("hostkeeper", "status").startswith("healthy")


def test_remove_leaves_configuration_and_state_and_purge_takes_them(installed: Machine) -> None:
    installed.write("/root/long.sh", "true\n")
    installed.write(f"{POLICIES}/long.yaml", LONG)
    installed.run("hostkeeper", "run", "long")
    before = runs(installed)
    assert before
    installed.apt("remove", "hostkeeper")
    assert installed.version().endswith("config-files")
    assert not installed.exists("/usr/bin/hostkeeper")
    assert not installed.exists(HOME)
    assert installed.exists(f"{STATE}/hostkeeper.db")
    assert installed.exists(f"{POLICIES}/long.yaml")
    assert installed.bed.reboot() == "running"

    installed.install()
    assert installed.service() == ("active", "enabled")
    assert runs(installed) == before
    assert "clean-var-tmp" in installed.out("hostkeeper", "tasks")

    installed.apt("purge", "hostkeeper")
    listed = installed.out("find", "/etc", "/usr", "/var/lib", "/run", "-xdev", "-name", "*hostkeeper*")
    assert [path for path in listed.splitlines() if not path.startswith(("/var/lib/apt/", "/run/systemd/"))] == []
    assert installed.bed.reboot() == "running"
    assert "could not be found" in installed.run("systemctl", "status", "hostkeeper", check=False).stderr
