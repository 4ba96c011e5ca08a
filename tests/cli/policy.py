"""The policy that tests of commands work on, and what they ask of every command."""

from __future__ import annotations

import subprocess

from tests.system.agent import AgentUnderTest

POLICY = """version: 1
windows:
  nightly: {{opens: "0 2 * * *", lasts: 1h, timezone: UTC}}
tasks:
  hello:
    description: Says hello
    schedule: "30 1 * * *"
    window: nightly
    action: command.run
    with: {{command: [echo, hello]}}
  after:
    needs: [hello]
    action: command.run
    with: {{command: [echo, after]}}
  broken:
    action: command.run
    with: {{command: ["false"], undo: [echo, undone]}}
  tidy:
    action: files.retain
    with: {{paths: [{files}], max_age: 7d}}
    limits: {{items: 5}}
  off:
    enabled: false
    action: command.run
    with: {{command: [echo, off]}}
  rare:
    at_most: {{times: 1, per: 1d}}
    action: command.run
    with: {{command: [echo, rare]}}
"""


def good(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_of(agent: AgentUnderTest) -> list[str]:
    return sorted(path.name for path in (agent.place / "files").iterdir())
