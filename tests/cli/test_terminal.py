"""What commands show on a terminal of 80 columns and few lines."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from agent.engine.submit import submit
from agent.model.reasons import Reason
from agent.model.runs import Origin, RunState, StepState
from agent.store import Store
from tests.cli.test_samples import measured
from tests.fakes import task
from tests.site.big import put_policies
from tests.system.agent import AgentUnderTest

LINES, COLUMNS = 16, 80
TASKS = [f"task-{number}" for number in range(12)]
POLICY = "version: 1\ntasks:\n" + "".join(
    f'  {name}: {{description: "{"Says what it is for, " * 9}", action: command.run, with: {{command: [x]}}}}\n'
    for name in TASKS
)


def shown(agent: AgentUnderTest, *command: str) -> list[str]:
    """Return the lines that a command writes to the terminal."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    with subprocess.Popen([sys.executable, "-I", "-m", "agent", *command, *agent.arguments], stdout=writer) as process:
        os.close(writer)
        said = b""
        try:
            while data := os.read(reader, 65536):
                said += data
        except OSError:
            pass  # the other end is closed
        process.wait()
    os.close(reader)
    return said.decode().splitlines()


def test_status_fits_the_terminal_however_much_there_is_to_tell(agent: AgentUnderTest) -> None:
    with Store(str(agent.state)) as store:
        put_policies(store, {"p.yaml": POLICY})
        for name in TASKS:
            made = submit(store, task(name), policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
            assert made is not None
            store.runs.advance(made.id, RunState.PENDING, RunState.RUNNING, started=1.0)
            store.runs.advance(made.id, RunState.RUNNING, RunState.FAILED, why=Reason.STEP_FAILED, ended=2.0)
    lines = shown(agent, "status")
    assert lines[0] == "NOT HEALTHY"
    assert LINES - 5 < len(lines) < LINES
    assert "last run of each task" in lines
    assert sum("more" in line for line in lines) == 2
    assert len(agent.command("status").stdout.splitlines()) > len(lines)


SPACES = dict.fromkeys(map(ord, " !\n"))
LONG = "clean-the-uploads-that-nobody-has-asked-for"
WIDE = f"""version: 1
windows:
  a-window-in-the-small-hours: {{opens: "30 2 * * *", lasts: 1h, timezone: Europe/Berlin}}
notifiers:
  {LONG}-ops: {{webhook: {{url_file: /srv/ops.url}}}}
  {LONG}-dev: {{webhook: {{url_file: /srv/dev.url}}}}
tasks:
  {LONG}:
    schedule: "@hourly"
    window: a-window-in-the-small-hours
    action: files.retain
    with: {{paths: [/srv/shop/{LONG}/uploads, /srv/shop/{LONG}/thumbnails], max_age: 7d}}
"""


def test_what_commands_show_stays_within_the_terminal_and_loses_nothing(agent: AgentUnderTest) -> None:
    agent.policy(WIDE)
    measured(agent, ("disk.used_percent", (("mountpoint", f"/srv/shop/{LONG}"),)))
    with Store(str(agent.state)) as store:
        made = submit(store, task(LONG), policy="p", origin=Origin.MANUAL, due=1.0, now=1.0)
        assert made is not None
        store.runs.advance(made.id, RunState.PENDING, RunState.RUNNING, started=1.0)
        store.steps.write(made.id, 0, "look", StepState.FAILED, started=1.0, facts={"a": 1}, error=f"{LONG}: no " * 9)
        store.runs.advance(
            made.id, RunState.RUNNING, RunState.FAILED, why=Reason.STEP_FAILED, detail=f"{LONG} " * 5, ended=2.0
        )
    for command in ("history", "signals disk", "capacity", "notify list", "calendar --days 1"):
        assert max(map(len, shown(agent, *command.split()))) <= COLUMNS, command
        assert LONG in agent.command(*command.split()).stdout, command
    for command in (f"history {made.id}", f"sandbox {LONG}", "check"):
        lines = shown(agent, *command.split())
        assert max(map(len, lines)) <= COLUMNS, command
        piped = agent.command(*command.split()).stdout
        # Every line of what a step said keeps its mark.
        assert sorted("".join(lines).translate(SPACES)) == sorted(piped.translate(SPACES)), command
    assert "due" in agent.command("history").stdout.split("\n")[0]


def test_tables_and_references_stay_within_the_terminal(agent: AgentUnderTest) -> None:
    agent.policy(POLICY)
    for command in (("tasks",), ("actions",), ("actions", "files.retain")):
        lines = shown(agent, *command)
        examples = [line for line in lines if line.startswith("  with:")]
        assert max(len(line) for line in lines if line not in examples) <= COLUMNS
