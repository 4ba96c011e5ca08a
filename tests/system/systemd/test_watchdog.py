"""A loop that hangs is started anew, whatever else the process does; one that is given no processor is left alone."""

from __future__ import annotations

import signal
import time

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import POLICIES, UNIT, Host
from tests.system.systemd.threads import CPU_GROUPS, bury, hang, starved, waited

pytestmark = pytest.mark.root

SECONDS = 4
STARVING = 18.0
TASKS, FILES = 500, 24


@pytest.fixture
def watched(host: Host) -> Host:
    """An agent at work that systemd watches more closely than it does for admins."""
    watch(host, SECONDS)
    host.start()
    return host


def watch(host: Host, seconds: int) -> None:
    host.bed.write(f"/etc/systemd/system/{UNIT}.d/soon.conf", f"[Service]\nWatchdogSec={seconds}s\nRestartSec=100ms\n")
    host.run("systemctl", "daemon-reload")


def restarted(host: Host, before: int) -> int:
    """Return the process of the agent once it is another one and at work."""
    return wait_for(
        lambda: pid if (pid := host.pid()) not in (0, before) and host.shown("SubState") == "running" else None
    )


def test_process_that_stands_still_is_started_anew(watched: Host) -> None:
    before = watched.pid()
    watched.run("systemctl", "kill", "--kill-whom=main", "--signal=STOP", UNIT)
    restarted(watched, before)
    told = watched.out("journalctl", "--unit", UNIT, "--output", "cat")
    assert "Watchdog timeout" in told
    assert "Fatal Python error: Aborted" in told and "agent/daemon/loop.py" in told
    assert watched.get("/readyz")[0] == 200


def test_loop_that_hangs_is_started_anew_though_the_rest_of_the_process_lives(watched: Host) -> None:
    before, seen = watched.pid(), watched.bed.processes(UNIT)[0]
    hang(seen)
    hung = time.monotonic()
    assert watched.get("/healthz")[0] == 200, "the thread that serves goes on"
    assert os_signal(bury(seen)) == signal.SIGABRT
    assert time.monotonic() - hung < 3 * SECONDS
    restarted(watched, before)
    (entry,) = watched.journal("PRIORITY=2")
    assert "the loop has hung" in entry["MESSAGE"] and "selector.select(timeout)" in entry["MESSAGE"]
    assert watched.get("/readyz")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["trixie"], indirect=True)
def test_agent_that_is_given_hardly_any_processor_is_left_alone(host: Host) -> None:
    if not (CPU_GROUPS / "cpu.cfs_quota_us").exists():
        pytest.skip("no control group of this host bounds processors")
    watch(host, 2 * SECONDS)
    tasks = "".join(
        f"  task-{{file}}-{n}: {{{{action: command.run, with: {{{{command: [id]}}}}}}}}\n" for n in range(TASKS)
    )
    for file in range(FILES):
        host.policy("version: 1\ntasks:\n" + tasks.format(file=file), f"{file}.yaml")
    host.start()
    before, (seen,) = host.pid(), host.bed.processes(UNIT)
    hungry = waited(seen)
    # A hundredth is enough for all that the agent does. With a fifth of that, to take over thousands of tasks without
    # those of one file keeps the loop from coming round for longer than the watchdog waits.
    with starved([seen], 0.2):
        host.run("rm", f"{POLICIES}/0.yaml")
        host.run("systemctl", "kill", "--kill-whom=main", "--signal=HUP", UNIT)
        time.sleep(STARVING)
        assert waited(seen) - hungry > 2 * SECONDS, "the loop was kept from its work"
    assert (host.pid(), host.shown("NRestarts")) == (before, "0")
    assert not host.journal("PRIORITY=2")
    assert f"{FILES} files, {TASKS * (FILES - 1)} tasks" in host.out("hostkeeper", "reload")


def os_signal(status: int) -> int:
    """Return the signal that a wait status tells of."""
    return status & 0x7F
