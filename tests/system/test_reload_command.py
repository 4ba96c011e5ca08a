"""`hostkeeper reload` beside a real agent, without systemd."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

from agent.errors import ExitCode
from tests.system.agent import AgentUnderTest, wait_for

GOOD = "version: 1\ntasks: {hello: {action: command.run, with: {command: [echo, hello]}}}\n"
BAD = "version: 1\ntasks: {hello: {action: command.rum}}\n"


def test_reload_without_an_agent_says_so(agent: AgentUnderTest) -> None:
    done = agent.command("reload")
    assert (done.returncode, done.stdout) == (ExitCode.NOT_FOUND, "")
    assert "no agent runs on the state directory" in done.stderr
    agent.policy(GOOD)
    agent.start()
    agent.end()
    assert agent.command("reload").returncode == ExitCode.NOT_FOUND


def test_user_who_may_not_look_at_the_state_is_told_that_and_not_that_there_is_nothing(agent: AgentUnderTest) -> None:
    agent.policy(GOOD)
    agent.start()
    agent.state.chmod(0)
    # Root without its capabilities is a user like others.
    plain = ("setpriv", "--bounding-set=-all") if os.geteuid() == 0 else ()
    for command in ("reload", "status", "signals", "calendar", "plan hello"):
        done = subprocess.run(
            [*plain, sys.executable, "-I", "-m", "agent", *command.split(), *agent.arguments],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout) == (ExitCode.STORE, ""), command
        assert done.stderr == f"{agent.state}/hostkeeper.db: Permission denied; run this as the user of the agent\n"
    agent.state.chmod(0o700)


def test_reload_answers_for_the_files_as_they_are_when_it_is_called(agent: AgentUnderTest) -> None:
    agent.policy(GOOD)
    agent.start()
    assert "in force, as before: 1 files, 1 tasks" in agent.command("reload").stdout
    for number in range(3):
        agent.policy(GOOD.replace("hello:", f"hello-{number}:"))
        done = agent.command("reload")
        assert (done.returncode, agent.digest()) == (ExitCode.OK, agent.checked())
        agent.policy(BAD)
        refused = agent.command("reload")
        assert refused.returncode == ExitCode.POLICY
        assert "policy.yaml:2:25: tasks.hello.action" in refused.stdout
        assert f"policies {agent.digest()[:12]} stay in force" in refused.stdout


def test_reload_as_data_and_what_it_says_of_settings(agent: AgentUnderTest) -> None:
    agent.policy(BAD)
    agent.start(ready=False)
    wait_for(lambda: agent.metric("hostkeeper_policies_valid") == 0)
    told = json.loads(agent.command("reload", "--json").stdout)
    assert (told["answer"]["valid"], told["answer"]["files"], told["settings_outdated"]) == (False, 0, False)
    agent.settings("sample_every: 2s\n")
    agent.policy(GOOD)
    done = agent.command("reload")
    assert done.returncode == ExitCode.OK
    assert "agent.yaml is not what the agent was started with" in done.stdout


def test_reload_gives_up_on_an_agent_that_does_not_answer_or_dies(agent: AgentUnderTest) -> None:
    agent.policy(GOOD)
    process = agent.start()
    process.send_signal(signal.SIGSTOP)
    done = agent.command("reload", "--timeout", "1")
    assert done.returncode == ExitCode.UNHEALTHY
    assert "has not reloaded within 1 s" in done.stderr
    process.send_signal(signal.SIGCONT)
    assert agent.command("reload").returncode == ExitCode.OK
