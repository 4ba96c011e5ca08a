"""What `apt install` of the package puts on a Debian host, and that it is at work at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.bed import Bed
from tests.system.conftest import SUITES
from tests.system.package import DEBS, HOME, POLICIES, STATE, Machine, packages
from tests.test_packaging import ROOT

pytestmark = [pytest.mark.root, pytest.mark.slow]

UNCOMPILED = f"""
import pathlib, sys
home = pathlib.Path({HOME!r})
folders = [home / "common", home / "lib" / "python{{}}.{{}}".format(*sys.version_info)]
tag = sys.implementation.cache_tag
for path in (path for folder in folders for path in folder.rglob("*.py")):
    if not (path.parent / "__pycache__" / f"{{path.stem}}.{{tag}}.pyc").exists():
        print(path)
"""


@pytest.fixture
def machine(suite: str) -> Iterator[Machine]:
    """A pristine machine that sees the packages and has no network."""
    with Bed.up(suite, {packages(): DEBS}) as bed:
        yield Machine(bed)


@pytest.fixture(scope="module", params=SUITES)
def installed(request: pytest.FixtureRequest, _beds: None) -> Iterator[Machine]:
    """A machine of each suite with the package installed, for tests that leave it as they found it."""
    with Bed.up(str(request.param), {packages(): DEBS}) as bed:
        machine = Machine(bed)
        machine.install()
        yield machine


def test_install_starts_the_service_and_says_how_to_go_on(machine: Machine) -> None:
    said = machine.install()
    assert "policies.d/available" in said
    assert machine.service() == ("active", "enabled")
    assert machine.out("hostkeeper", "status").startswith("healthy")
    assert "hostkeeper_policies_valid 1" in machine.metrics()
    assert machine.out("id", "--user", "--name", "hostkeeper") == "hostkeeper"
    assert machine.out("stat", "--format=%a %U", STATE) == "700 root"
    assert machine.out("dpkg", "--verify", "hostkeeper") == ""


def test_shipped_policies_are_present_and_enabled_by_a_link(installed: Machine) -> None:
    assert installed.out("hostkeeper", "tasks", "--json") == "[]"
    shipped = len(list((ROOT / "policies").glob("*.yaml")))
    assert installed.out("hostkeeper", "check", f"{POLICIES}/available").startswith(f"good: {shipped} files")
    installed.run("ln", "-s", "available/daily.yaml", f"{POLICIES}/")
    installed.wait_for("hostkeeper", "tasks", says="clean-var-tmp")
    assert installed.out("hostkeeper", "check").startswith("good: 2 files")
    assert installed.out("hostkeeper", "status").startswith("healthy")
    installed.run("rm", f"{POLICIES}/daily.yaml")
    installed.wait_for("hostkeeper", "tasks", "--json", says="[]")


def test_every_module_is_compiled_and_nothing_is_written_beside_it_later(installed: Machine) -> None:
    assert installed.out("python3", "-c", UNCOMPILED) == ""
    installed.run("touch", "/root/mark")
    for command in ("status", "check", "actions", "calendar", "schema", "completion bash"):
        installed.run("hostkeeper", *command.split())
    installed.run("systemctl", "restart", "hostkeeper")
    assert installed.out("find", "/usr", "-newer", "/root/mark") == ""


def test_command_is_the_same_whatever_stands_in_its_directory_and_environment(installed: Machine) -> None:
    installed.write("/root/evil/json.py", "raise SystemExit('imported from here')")
    installed.write("/root/evil/agent/__init__.py", "raise SystemExit('imported from here')")
    enter = ["env", "--chdir=/root/evil", "PYTHONPATH=/root/evil", "PYTHONHOME=/root/evil", "PYTHONSTARTUP=json.py"]
    assert installed.out(*enter, "hostkeeper", "tasks", "--json") == "[]"


def test_reboot_brings_the_agent_up_with_what_was_enabled(installed: Machine) -> None:
    installed.run("ln", "-s", "available/weekly.yaml", f"{POLICIES}/")
    assert installed.bed.reboot() == "running"
    assert installed.service() == ("active", "enabled")
    assert "check-packages" in installed.out("hostkeeper", "tasks")
    assert installed.out("hostkeeper", "status").startswith("healthy")
    installed.run("rm", f"{POLICIES}/weekly.yaml")
    installed.wait_for("hostkeeper", "tasks", "--json", says="[]")


def test_settings_with_a_mistake_do_not_fail_the_installation(machine: Machine) -> None:
    machine.write("/etc/hostkeeper/agent.yaml", "concurrency: many\n")
    said = machine.apt("install", "-o", "Dpkg::Options::=--force-confold", f"{DEBS}/hostkeeper.deb")
    assert "the service did not start" in said
    assert machine.version().endswith("installed")
    machine.write("/etc/hostkeeper/agent.yaml", "concurrency: 2\n")
    machine.run("systemctl", "restart", "hostkeeper")
    assert machine.service() == ("active", "enabled")


def test_another_python_is_compiled_for_and_the_agent_restarted(installed: Machine) -> None:
    before = installed.out("systemctl", "show", "--property=MainPID", "hostkeeper")
    installed.run("find", HOME, "-name", "__pycache__", "-exec", "rm", "-r", "{}", "+")
    installed.run("dpkg-trigger", "--by-package=python3-minimal", "/usr/bin/python3")
    installed.run("dpkg", "--triggers-only", "--pending")
    assert installed.out("python3", "-c", UNCOMPILED) == ""
    assert installed.out("systemctl", "show", "--property=MainPID", "hostkeeper") != before
