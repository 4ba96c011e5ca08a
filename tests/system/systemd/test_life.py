"""Start, reload, reboot and stop, as systemd sees them."""

from __future__ import annotations

import time

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import POLICIES, STATE, UNIT, Host
from tests.system.systemd.kinds import begin, ended, first

pytestmark = pytest.mark.root
one_suite = pytest.mark.parametrize("suite", ["trixie"], indirect=True)
"""For what is the same whatever the version of systemd."""

GOOD = "version: 1\ntasks: {hello: {action: command.run, with: {command: [echo, hello]}}}\n"
BAD = "version: 1\ntasks: {hello: {action: command.rum}}\n"


def test_start_is_over_when_the_policies_are_in_force_and_the_status_says_what_is_done(host: Host) -> None:
    host.policy(GOOD)
    begun = time.monotonic()
    host.start()
    assert time.monotonic() - begun < 30.0
    assert host.get("/readyz")[0] == 200
    assert host.metric("hostkeeper_policies_valid") == 1
    assert host.shown("StatusText") == "watching: 0 running, 0 waiting"
    assert host.shown("WatchdogUSec") == "30s"
    assert host.out("stat", "--format=%a", STATE) == "700"
    host.policy(GOOD.replace("hello:", "again:"), "more.yaml")
    wait_for(lambda: "3 files, 2 tasks" in host.out("journalctl", "--unit", UNIT), saying="for an edit to be seen")


def test_reload_waits_and_its_exit_status_tells_whether_the_policies_are_good(host: Host) -> None:
    host.policy(GOOD)
    host.start()
    process = host.pid()
    for text, code, tasks in ((GOOD.replace("hello:", "again:"), 0, "again"), (BAD, 1, "again"), (GOOD, 0, "hello")):
        host.policy(text)
        done = host.run("systemctl", "reload", UNIT, check=False)
        assert (done.returncode != 0) == bool(code), done.stderr
        assert tasks in host.command("tasks", "--state", STATE, check=False) or code
        assert host.shown("ActiveState") == "active"
        assert host.metric("hostkeeper_policies_valid") == 1 - code
    assert host.pid() == process


@one_suite
def test_reload_command_prints_the_mistakes_and_its_exit_code_tells_why(host: Host) -> None:
    assert host.run("hostkeeper", "reload", check=False).returncode == 8
    host.policy(GOOD)
    host.start()
    good = host.run("hostkeeper", "reload")
    assert "are in force, as before: 2 files, 1 tasks" in good.stdout
    host.policy(BAD)
    bad = host.run("hostkeeper", "reload", check=False)
    assert bad.returncode == 3
    assert f"{POLICIES}/policy.yaml:2:25: tasks.hello.action" in bad.stdout
    assert "did you mean command.run?" in bad.stdout
    wait_for(lambda: "the last good set is in force" in host.shown("StatusText"))
    host.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", UNIT)
    assert host.run("hostkeeper", "reload", "--timeout", "1", check=False).returncode == 9


def test_bad_policy_at_boot_is_no_restart_loop_and_is_told(host: Host) -> None:
    host.policy(BAD)
    host.run("systemctl", "enable", UNIT)
    host.bed.reboot()
    wait_for(lambda: host.get("/readyz")[0] == 503)
    assert "no set was ever in force" in host.get("/readyz")[1]
    assert "NO POLICIES are in force" in host.shown("StatusText")
    assert "policy.yaml:2:25" in host.shown("StatusText")
    assert host.metric("hostkeeper_policies_valid") == 0
    assert (host.shown("ActiveState"), host.shown("NRestarts")) == ("active", "0")
    host.policy(GOOD)
    host.run("systemctl", "reload", UNIT)
    assert host.get("/readyz")[0] == 200


@one_suite
def test_bad_settings_do_not_become_a_restart_loop(host: Host) -> None:
    host.settings("concurrency: none\n")
    done = host.run("systemctl", "start", UNIT, check=False)
    assert done.returncode == 1
    assert (host.shown("ActiveState"), host.shown("NRestarts")) == ("failed", "0")
    assert "agent.yaml:2:14" in host.out("journalctl", "--unit", UNIT)


def test_enabled_agent_is_up_after_a_reboot_and_knows_its_policies(host: Host) -> None:
    host.policy(GOOD)
    host.run("systemctl", "enable", "--now", UNIT)
    assert host.bed.reboot() == "running"
    wait_for(lambda: host.shown("ActiveState") == "active")
    assert host.get("/readyz")[0] == 200
    host.policy(BAD)
    assert host.bed.reboot() == "running"
    wait_for(lambda: host.get("/readyz")[0] == 200)
    assert "the last good set is in force" in host.shown("StatusText")


def test_stop_takes_runs_to_their_checkpoint_and_the_next_start_goes_on(host: Host) -> None:
    begin(host)
    host.run("systemctl", "kill", "--signal=CONT", f"hostkeeper-run-{first(host, 'retains')['id']}.service")
    ended(host, "retains")
    host.run("systemctl", "stop", UNIT)
    assert host.shown("Result") == "success"
    found = {name: (run["state"], run["why"]) for name in ("repeats", "undoes", "asks") if (run := first(host, name))}
    assert found == {
        "repeats": ("interrupted", "agent_stopping"),
        "undoes": ("undone", "agent_stopping"),
        "asks": ("stuck", "agent_stopping"),
    }
    host.run("touch", "/srv/go")
    host.start()
    assert ended(host, "repeats")["state"] == "succeeded"


@one_suite
def test_second_agent_on_the_same_state_fails_and_leaves_the_first_alone(host: Host) -> None:
    host.start()
    begun = time.monotonic()
    second = host.run("systemd-run", "--wait", "--pipe", "--quiet", "hostkeeper", "agent", check=False)
    assert (second.returncode, time.monotonic() - begun < 30.0) == (7, True)
    assert f"process {host.pid()}" in second.stderr
    assert host.get("/readyz")[0] == 200


def test_two_agents_with_a_state_of_their_own_stand_side_by_side(host: Host) -> None:
    unit = host.out("cat", f"/etc/systemd/system/{UNIT}")
    arguments = "--state /var/lib/other --policies /etc/other/policies.d --config /etc/other/agent.yaml"
    other = unit.replace("Directory=hostkeeper", "Directory=other")
    for command in ("agent", "reload"):
        other = other.replace(f"/usr/bin/hostkeeper {command}", f"/usr/bin/hostkeeper {command} {arguments}")
    host.bed.write("/etc/systemd/system/other.service", other)
    host.bed.write("/etc/other/agent.yaml", "metrics: {listen: 'unix:/run/other/metrics.sock'}\n", mode=0o600)
    task = "{schedule: every 1 seconds, action: command.run, with: {command: [touch, /srv/%s], writable: [/srv]}}"
    host.bed.write("/etc/other/policies.d/a.yaml", f"version: 1\ntasks: {{other: {task % 'other'}}}\n")
    host.policy(f"version: 1\ntasks: {{own: {task % 'own'}}}\n")
    host.run("systemctl", "daemon-reload")
    host.run("systemctl", "start", UNIT, "other.service")
    wait_for(lambda: host.bed.path("/srv/other").exists() and host.bed.path("/srv/own").exists())
    host.run("systemctl", "reload", UNIT, "other.service")
    assert {run["task"] for run in host.history()} == {"own"}
    host.run("systemctl", "stop", "other.service")
    assert host.get("/readyz")[0] == 200
