"""The agent, or the whole machine, lost in the middle of a run of each kind."""

from __future__ import annotations

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import STATE, UNIT, Host
from tests.system.systemd.kinds import FILES, KINDS, begin, ended, first

pytestmark = pytest.mark.root


def spool(host: Host) -> list[str]:
    """Return what is left of the files that a retention is about."""
    return sorted(path.name for path in host.bed.path("/srv/spool").iterdir())


def test_killed_agent_comes_back_and_no_run_has_noticed(host: Host) -> None:
    runs = begin(host)
    killed = host.pid()
    host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", UNIT)
    wait_for(lambda: host.pid() not in (0, killed) and host.shown("ActiveState") == "active")
    assert host.shown("NRestarts") == "1"
    assert {name: first(host, name)["pid"] for name in KINDS} == {name: runs[name]["pid"] for name in KINDS}
    host.run("systemctl", "kill", "--signal=CONT", f"hostkeeper-run-{runs['retains']['id']}.service")
    host.run("touch", "/srv/go")
    found = {name: (run["state"], run["attempt"]) for name in KINDS if (run := ended(host, name))}
    assert found == dict.fromkeys(KINDS, ("succeeded", 1))
    assert spool(host) == ["new"]
    assert not host.bed.path("/srv/undone").exists()


def test_power_cut_and_boot_goes_on_or_takes_back_as_each_run_promises(host: Host) -> None:
    host.run("systemctl", "enable", UNIT)
    runs = begin(host)
    host.bed.power_off()
    host.bed.power_on()
    host.run("touch", "/srv/go")
    found = {name: ended(host, name)["state"] for name in KINDS}
    assert found == {"repeats": "succeeded", "undoes": "undone", "asks": "stuck", "retains": "succeeded"}
    assert spool(host) == ["new"]
    assert host.bed.path("/srv/undone").exists()
    # What asks was not run a second time for the same due time; what repeats was.
    began = {name: host.out("cat", f"/srv/began.{name}").split() for name in ("asks", "repeats")}
    assert began["asks"].count(str(runs["asks"]["id"])) == 1
    assert began["repeats"].count(str(runs["repeats"]["id"])) == 2
    assert host.command("history", "verify", check=False).strip().splitlines()


@pytest.mark.parametrize("suite", ["trixie"], indirect=True)
def test_full_disk_does_not_end_the_agent_and_retention_makes_room(host: Host) -> None:
    host.run("mkdir", "-p", STATE)
    host.run("mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", STATE)
    host.policy(
        "version: 1\n"
        "tasks: {clean: {schedule: every 2 seconds, action: files.retain,"
        f" with: {{paths: [{STATE}/spool], max_age: 1h, missing: skip, suspect_clock: allow}}}}}}\n"
    )
    host.start()
    host.run("mkdir", f"{STATE}/spool")
    host.run("sh", "-c", f"cd {STATE}/spool && seq {FILES} | xargs touch && cat /dev/zero >filler || true")
    # The agent may have given up by now what it keeps back for this: 8 MiB.
    assert int(host.out("df", "--output=avail", STATE).split()[-1]) <= 8 << 10
    host.run("sh", "-c", f"touch -d '2 days ago' {STATE}/spool/*")
    wait_for(lambda: not any(host.bed.path(f"{STATE}/spool").iterdir()))
    assert (host.shown("ActiveState"), host.shown("NRestarts")) == ("active", "0")
    wait_for(lambda: any(run.state == "succeeded" for run in host.recorded()))


@pytest.mark.parametrize("suite", ["trixie"], indirect=True)
def test_start_on_a_full_disk_is_tried_until_there_is_room(host: Host) -> None:
    host.run("mkdir", "-p", STATE)
    host.run("mount", "-t", "tmpfs", "-o", "size=24m,mode=700", "none", STATE)
    host.bed.write(f"/etc/systemd/system/{UNIT}.d/soon.conf", "[Service]\nRestartSec=100ms\n")
    host.run("systemctl", "daemon-reload")
    host.start()
    host.run("systemctl", "stop", UNIT)
    # What the agent keeps back for this was used up before.
    host.run("sh", "-c", f": >{STATE}/ballast; cat /dev/zero >{STATE}/filler || true")
    assert host.run("systemctl", "start", UNIT, check=False).returncode == 1
    wait_for(lambda: int(host.shown("NRestarts")) >= 3)
    host.run("rm", f"{STATE}/filler")
    wait_for(lambda: host.get("/readyz")[0] == 200)
