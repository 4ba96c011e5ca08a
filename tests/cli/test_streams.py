"""What commands do where standard streams are closed, full, or of another encoding, and at a key of the terminal."""

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


IMPATIENT = """
import sys

class Impatient:
    def find_spec(self, name, *rest):
        if name == sys.argv[1]:
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
from agent.__main__ import main
sys.exit(main(["check"]))
"""


@pytest.mark.parametrize("module", ["agent.cli.main", "agent.cli.check_command", "agent.policy.load"])
def test_interrupt_while_a_command_is_still_loaded_leaves_no_trace(module: str) -> None:
    done = subprocess.run([sys.executable, "-c", IMPATIENT, module], capture_output=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (ExitCode.INTERRUPTED, b"")
