"""One run of each kind, all under way and none finished, for what happens to the agent in the middle of them."""

from __future__ import annotations

from typing import Any

from tests.system.agent import wait_for
from tests.system.bed.host import STATE, UNIT, Host, Recorded

COMMANDS = ("repeats", "undoes", "asks")
RETAINS = "retains"
KINDS = (*COMMANDS, RETAINS)
FILES = 300

_WAITS = "echo $HOSTKEEPER_RUN_ID >>/srv/began.$HOSTKEEPER_TASK; until [ -e /srv/go ]; do sleep 0.02; done"
_COMMAND = """\
  {name}:
    schedule: every 1 seconds
    action: command.run
    with: {{command: [sh, -c, '{waits}'], writable: [/srv], {more}}}
"""
_RETAIN = """\
  retains:
    schedule: every 1 seconds
    limits: {items: 1000}
    action: files.retain
    with: {paths: [/srv/spool], max_age: 1h, suspect_clock: allow}
"""
_MORE = {"repeats": "repeatable: true", "undoes": "undo: [sh, -c, 'touch /srv/undone']", "asks": "repeatable: false"}
# The retention halts where it is about to write down what it has deleted; the log makes that happen once in a bed.
_HALT = f"""\
[Service]
Environment=HOSTKEEPER_FAILPOINT=run/objects.record:before HOSTKEEPER_FAILPOINT_SIGNAL=STOP
Environment=HOSTKEEPER_FAILPOINT_LOG={STATE}/points
RestartSec=100ms
"""


def begin(host: Host) -> dict[str, dict[str, Any]]:
    """Start the agent with a task of each kind; return the first run of each once all are in the middle of it."""
    host.run("mkdir", "-p", "/srv/spool")
    host.run("sh", "-c", f"cd /srv/spool && seq -f old-%g {FILES} | xargs touch -d '2 days ago' && touch new")
    host.bed.write(f"/etc/systemd/system/{UNIT}.d/halt.conf", _HALT)
    host.run("systemctl", "daemon-reload")
    commands = "".join(_COMMAND.format(name=name, waits=_WAITS, more=_MORE[name]) for name in COMMANDS)
    host.policy(f"version: 1\ntasks:\n{commands}{_RETAIN}")
    host.start()
    wait_for(lambda: all(host.bed.path(f"/srv/began.{name}").exists() for name in COMMANDS))
    wait_for(lambda: "objects.record" in host.bed.path(f"{STATE}/points").read_text())
    return {name: first(host, name) for name in KINDS}


def first(host: Host, task: str) -> dict[str, Any]:
    """Return the first run of a task, once it has been made."""
    number = wait_for(lambda: _first(host, task), saying=f"for {task}").id
    return next(run for run in host.history() if run["id"] == number)


def ended(host: Host, task: str) -> dict[str, Any]:
    """Return the first run of a task once it has ended."""
    wait_for(lambda: (run := _first(host, task)) and run.ended is not None, saying=f"for {task} to end")
    return first(host, task)


def _first(host: Host, task: str) -> Recorded | None:
    return min((run for run in host.recorded() if run.task == task), default=None)
