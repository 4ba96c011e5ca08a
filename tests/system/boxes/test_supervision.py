"""Runs as units: supervised, limited, logged, and each begun once whatever dies between its start and its claim."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import STATE, UNIT, Host

pytestmark = pytest.mark.root

EFFECT = """
version: 1
tasks:
  effect:
    schedule: every 1 seconds
    action: command.run
    with: {command: [sh, -c, 'echo $HOSTKEEPER_RUN_ID >>/srv/effects'], writable: [/srv], repeatable: true}
"""
POINTS = ("daemon/run.running:before", "daemon/run.running:after", "run/run.claim:before", "run/run.claim:after")


def arm(host: Host, point: str, log: str, number: str = "KILL") -> None:
    """Start the agent anew, so that the first process that reaches a point ends there."""
    named = f"HOSTKEEPER_FAILPOINT={point} HOSTKEEPER_FAILPOINT_LOG={log} HOSTKEEPER_FAILPOINT_SIGNAL={number}"
    host.bed.write(f"/etc/systemd/system/{UNIT}.d/arm.conf", f"[Service]\nRestartSec=100ms\nEnvironment={named}\n")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "reset-failed", UNIT, check=False)
    # Where the agent ends before it was ready, systemctl says so, and systemd starts it again all the same.
    host.run("systemctl", "restart", UNIT, check=False)
    path = host.bed.path(log)
    wait_for(lambda: path.exists() and point in path.read_text(encoding="ascii"), saying=f"for {point}")


def quiet(host: Host) -> None:
    """Stop the agent when no run is under way: one that is stopped after its effect would be done anew."""
    host.policy("version: 1\n")
    host.run("systemctl", "reload", UNIT)
    wait_for(lambda: all(run.ended is not None for run in host.recorded()), saying="for every run to end")
    host.run("systemctl", "stop", UNIT)


def goes_on(host: Host, after: int) -> bool:
    """Whether runs that came after one end well, and all but the newest have ended."""
    runs = host.recorded()[1:]
    newer = [run for run in runs if run.id > after]
    return bool(newer) and newer[0].state == "succeeded" and all(run.ended is not None for run in runs)


def test_kill_between_start_and_claim_leaves_no_run_twice_or_undone(host: Host) -> None:
    for n, point in enumerate(POINTS):
        host.policy(EFFECT)
        arm(host, point, f"{STATE}/points.{n}")
        wait_for(partial(goes_on, host, host.recorded()[0].id), saying=f"after {point}")
        quiet(host)
    host.policy(EFFECT)
    arm(host, "run/run.claim:before", f"{STATE}/points.late", "STOP")
    halted = host.recorded()[0].id
    host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    wait_for(partial(goes_on, host, halted), saying="after the agent alone was killed")
    quiet(host)
    runs = {run["id"]: run for run in host.history() if run["state"] not in ("pending", "skipped")}
    effects = host.out("cat", "/srv/effects").split()
    assert sorted(map(int, effects)) == sorted(number for number, run in runs.items() if run["state"] == "succeeded")
    assert {run["state"] for run in runs.values()} <= {"succeeded", "interrupted"}
    assert host.out("systemctl", "list-units", "--all", "--plain", "--no-legend", "hostkeeper-run-*") == ""


STUBBORN = """
version: 1
tasks:
  stubborn:
    schedule: every 1 seconds
    {more}
    action: command.run
    with:
      command:
        - sh
        - -c
        - |-
          trap '' TERM
          setsid sh -c 'trap "" TERM; sleep 7777' &
          env -i setsid sleep 7777 &
          touch /srv/began
          sleep 7777
      writable: [/srv]
      user: {user}
"""


@pytest.mark.parametrize("user", ["root", "nobody"])
def test_run_that_is_killed_or_over_its_time_leaves_nothing(host: Host, user: str) -> None:
    host.run("install", "--directory", "--mode=777", "/srv")
    host.settings("sample_every: 1s\ngrace: 1s\n")
    host.policy(STUBBORN.format(more="max_duration: 1h", user=user))
    host.start()
    wait_for(lambda: host.bed.path("/srv/began").exists())
    run = next(run for run in host.history() if run["state"] == "running")
    unit = f"hostkeeper-run-{run['id']}.service"
    assert int(host.shown("MainPID", unit)) == run["pid"]
    host.policy(STUBBORN.format(more="max_duration: 1s", user=user))
    host.run("systemctl", "reload", UNIT)
    host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", unit)
    lost = wait_for(lambda: next((r for r in host.recorded() if r.id == run["id"] and r.ended), None))
    assert (lost.state, lost.why) == ("stuck", "killed")
    wait_for(lambda: any(run.why == "max_duration" and run.ended for run in host.recorded()))
    host.policy("version: 1\n")
    host.run("systemctl", "stop", UNIT)
    wait_for(lambda: host.run("pgrep", "-f", "sleep 7777", check=False).returncode, saying="for nothing to be left")
    assert host.out("systemctl", "list-units", "--all", "--plain", "--no-legend", "hostkeeper-run-*") == ""


TALKS = """
version: 1
tasks:
  talks:
    action: command.run
    with: {command: [sh, -c, 'nice; echo first; seq 3000; echo last >&2'], output_limit: 1KiB}
  fails: {action: command.run, with: {command: [sh, -c, 'echo now >/etc/escaped']}}
  waits:
    schedule: every 1 seconds
    action: command.run
    with: {command: [sleep, '1000']}
"""
LIMITED = {
    "Nice": "5",
    "MemoryMax": str(256 << 20),
    "CPUWeight": "50",
    "TasksMax": "200",
    "IOSchedulingClass": "3",
    "Slice": "hostkeeper.slice",
    "TimeoutStopUSec": "10s",
    "RuntimeMaxUSec": "1h 1min 5s",
    "OOMPolicy": "continue",
}


def test_run_has_limits_and_a_journal_of_its_own_and_its_box_can_be_seen(host: Host) -> None:
    limits = "{nice: 5, idle_io: true, memory: 256MiB, cpu_weight: 50, processes: 200}"
    host.settings(f"sample_every: 1s\ngrace: 5s\nrun_limits: {limits}\n")
    host.policy(TALKS)
    host.start()
    waiting = host.wait_for_run("waits", "running")
    unit = f"hostkeeper-run-{waiting['id']}.service"
    assert {name: host.shown(name, unit) for name in LIMITED} == LIMITED

    host.command("run", "talks")
    talk = next(run for run in host.history() if run["task"] == "talks")
    assert host.command("history", str(talk["id"])).count("2999\n") == 1
    host.run("journalctl", "--sync")
    told = json.loads(host.out("hostkeeper", "history", str(talk["id"]), "--log", "--json"))["log"]
    messages = [entry["message"] for entry in told]
    assert messages.index("5") < messages.index("first") < messages.index("3000")
    assert messages.count("17") == 1
    assert "last" in messages
    assert any(message == "step run done" for message in messages)
    assert "log of its unit" in host.command("history", str(talk["id"]), "--log")
    assert len(host.journal("--unit", "hostkeeper-run-*", f"HOSTKEEPER_RUN={talk['id']}")) > 3000

    on_terminal = host.out("script", "--quiet", "--command", "hostkeeper run talks", "/dev/null")
    assert on_terminal.count("first\n") == 1, on_terminal
    assert on_terminal.index("first\n") < on_terminal.index("2999\n") < on_terminal.index("state     succeeded")
    assert "Read-only file system" in host.command("run", "fails", check=False)
    assert not host.bed.path("/etc/escaped").exists()

    shown = json.loads(host.out("hostkeeper", "sandbox", "waits", "--json"))
    assert shown["in_force"] is True
    held = dict(shown["properties"])
    for name in ("ProtectSystem", "PrivateNetwork", "NoNewPrivileges", "ProtectHome", "KillMode", "UMask"):
        assert host.shown(name, unit) == held[name]
    assert "not in force" not in host.command("sandbox", "waits")


def test_settings_that_want_plain_children_get_them(host: Host) -> None:
    host.settings("sample_every: 1s\nlauncher: child\n")
    host.policy(TALKS)
    host.command("run", "talks")
    assert host.history()[0]["state"] == "succeeded"
    assert host.run("journalctl", "--quiet", "--unit=hostkeeper-run-*", check=False).stdout == ""
    assert "not in force: runs are plain children here (the settings say so)" in host.command("sandbox", "waits")
