"""The box of a task as the command line shows it, also where runs are plain children."""

from __future__ import annotations

import json

import pytest

from agent.errors import ExitCode
from tests.system.agent import AgentUnderTest


def test_sandbox_shows_what_a_retention_may_do_and_how_that_is_kept(agent: AgentUnderTest) -> None:
    done = agent.command("sandbox", "tidy")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert lines[0] == "tidy: files.retain"
    for line in (
        f"may write     {agent.place}/files, {agent.state} (its journal of steps)",
        "temporary     the host's /tmp and /var/tmp",
        "network       none",
        "capabilities  CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER",
        "ends after    1h00m",
        "ProtectSystem=strict",
        f"ReadWritePaths=-{agent.place}/files -{agent.state}",
        "RuntimeMaxSec=3665",
    ):
        assert line in lines


def test_sandbox_as_data_has_box_and_properties(agent: AgentUnderTest) -> None:
    agent.settings("launcher: child\ngrace: 5s\nrun_limits: {nice: 7, memory: 64MiB}\n")
    shown = json.loads(agent.command("sandbox", "hello", "--json").stdout)
    assert (shown["task"], shown["action"], shown["launcher"], shown["in_force"]) == (
        *("hello", "command.run", "child"),
        False,
    )
    assert shown["box"]["programs"] is True
    assert shown["box"]["network"] is False
    properties = [tuple(pair) for pair in shown["properties"]]
    for pair in (("Nice", "7"), ("MemoryMax", str(64 << 20)), ("PrivateNetwork", "yes"), ("KillMode", "mixed")):
        assert pair in properties


def test_sandbox_of_a_privileged_task_says_that_there_is_none(agent: AgentUnderTest) -> None:
    agent.policy(
        "version: 1\ntasks: {all: {action: command.run, with: {command: [echo], privileged: true}}}\n", "all.yaml"
    )
    text = agent.command("sandbox", "all").stdout
    assert "box           none: it may do whatever root may" in text
    assert "NoNewPrivileges" not in text


@pytest.mark.parametrize(("name", "code"), [("tidi", ExitCode.NOT_FOUND), ("", ExitCode.NOT_FOUND)])
def test_sandbox_of_no_task_names_the_nearest(agent: AgentUnderTest, name: str, code: ExitCode) -> None:
    done = agent.command("sandbox", name)
    assert done.returncode == code
    assert "there is no task" in done.stderr


def test_launcher_that_cannot_be_had_is_a_mistake_in_the_settings(
    agent: AgentUnderTest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Without /run/systemd/system, or to who is not root, there are no units.
    agent.settings("launcher: systemd\n")
    done = agent.command("run", "hello", environment={"PATH": str(tmp_path_factory.mktemp("empty"))})
    assert done.returncode == ExitCode.POLICY
    assert f"{agent.config}:0:0: launcher: runs cannot be units: " in done.stderr
    assert done.stderr.rstrip().endswith("write auto or child")


MISTAKES = """version: 1
tasks:
  a:
    action: command.run
    with:
      command: [echo]
      writable: [relative, /srv/../etc]
      capabilities: [CAP_SYS_ADMN]
      network: yes please
      devises: true
"""


def test_mistakes_in_what_opens_a_box_are_told_like_all_others(agent: AgentUnderTest) -> None:
    agent.policy(MISTAKES, "a.yaml")
    done = agent.command("check")
    assert done.returncode == ExitCode.POLICY
    found = [line.removeprefix(f"{agent.policies}/") for line in done.stderr.splitlines()]
    wants = 'is not of the right form: write it such as "/var/cache/apt"'
    assert found == [
        f'a.yaml:7:18: tasks.a.with.writable[0]: "relative" {wants}',
        f'a.yaml:7:28: tasks.a.with.writable[1]: "/srv/../etc" {wants}',
        found[2],
        'a.yaml:9:16: tasks.a.with.network: "yes please" is not true or false: write true or false, such as true',
        'a.yaml:10:7: tasks.a.with.devises: unknown key "devises": did you mean devices?',
    ]
    said = '"CAP_SYS_ADMN" is not one of the choices: did you mean CAP_SYS_ADMIN?'
    assert found[2].startswith(f"a.yaml:8:22: tasks.a.with.capabilities[0]: {said}")
