"""Which directory `hostkeeper check` looks at, and what it says of one without policies."""

from __future__ import annotations

from agent.errors import ExitCode
from tests.cli.policy import good
from tests.system.agent import AgentUnderTest


def test_check_of_a_directory_without_policies_warns_and_says_what_it_passed_over(agent: AgentUnderTest) -> None:
    files = agent.place / "files"
    told = good(agent.command("check", str(files))).splitlines()
    wrong = "there is no policy in it; passed over: old-0, old-1, old-2, young: policies are"
    assert told[0].startswith(f"{files}:0:0: warning: {wrong}")
    assert told[1].startswith("good: 0 files, ")


def test_check_of_an_empty_directory_warns_and_one_of_an_empty_policy_does_not(agent: AgentUnderTest) -> None:
    (agent.policies / "policy.yaml").unlink()
    wrong = f"{agent.policies}:0:0: warning: there is no policy in it: policies are files right in the directory"
    assert good(agent.command("check")).startswith(wrong)
    agent.policy("version: 1\n")
    assert good(agent.command("check")).startswith("good: 1 files")


def test_check_of_an_empty_name_does_not_fall_back_to_another_directory(agent: AgentUnderTest) -> None:
    assert agent.command("check", "").returncode == ExitCode.POLICY


NO_PROGRAM = """version: 1
tasks:
  empty: {action: command.run, with: {command: [""]}}
  blank: {action: command.run, with: {command: [" ", a], undo: [""]}}
  fine: {action: command.run, with: {command: [echo, ""]}}
"""


def test_check_of_a_command_without_a_program_says_so(agent: AgentUnderTest) -> None:
    agent.policy(NO_PROGRAM)
    found = agent.command("check")
    assert found.returncode == ExitCode.POLICY
    places = [line.split(": ")[1] for line in found.stderr.splitlines() if "name a program first" in line]
    assert places == ["tasks.empty.with.command[0]", "tasks.blank.with.command[0]", "tasks.blank.with.undo[0]"]
