"""What commands do where standard input, output or error is closed, full, or of another encoding."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agent.errors import ExitCode
from tests.system.agent import AgentUnderTest

POLICY = """version: 1
tasks:
  greet: {description: "größe 世界", action: command.run, with: {command: [/bin/echo, "größe 世界"]}}
"""


def redirected(agent: AgentUnderTest, to: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with what a shell makes of such redirections."""
    words = [sys.executable, "-I", "-m", "agent", *command, *agent.arguments]
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {to}', "sh", *words], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("to", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams_change_nothing_of_what_is_done(agent: AgentUnderTest, to: str) -> None:
    agent.policy(POLICY)
    for command in (["check"], ["run", "greet"]):
        done = redirected(agent, to, *command)
        assert (done.returncode, done.stdout, done.stderr) == (ExitCode.OK, "", "")
    assert "greet" in agent.command("history", "1").stdout


@pytest.mark.parametrize("to", ["2>/dev/full", "2>&-"])
def test_mistake_that_cannot_be_told_keeps_its_exit_code(agent: AgentUnderTest, to: str) -> None:
    agent.policy("version: 2\n")
    assert redirected(agent, to, "check").returncode == ExitCode.POLICY


def test_output_of_an_encoding_without_a_character_has_its_escape(agent: AgentUnderTest) -> None:
    agent.policy(POLICY)
    words = [sys.executable, "-m", "agent", "tasks", *agent.arguments]
    told = subprocess.run(words, env={"PYTHONIOENCODING": "latin-1"}, capture_output=True, timeout=120, check=True)
    assert told.stdout.decode("latin-1").endswith("größe \\u4e16\\u754c\n")
