"""A loop that hangs is started anew, whatever else the process does; one that is given no processor is left alone."""

from __future__ import annotations

import signal

import pytest

from tests.system.agent import wait_for
from tests.system.bed.host import UNIT, Host
from tests.system.systemd.threads import CPU_GROUPS, bury, hang, starved, waited, worked

pytestmark = pytest.mark.root

SECONDS = 4
STARVED_SECONDS = 5
THRESHOLDS, FILES = 500, 24
KEPT = 2.5
"""So many intervals of the watchdog one pass over the signals takes where there is hardly any processor."""

PASSES = "hostkeeper_samplings_total"


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
    assert watched.get("/healthz")[0] == 200, "the thread that serves goes on"
    assert os_signal(bury(seen)) == signal.SIGABRT
    restarted(watched, before)
    (entry,) = watched.journal("PRIORITY=2")
    assert "the loop has hung" in entry["MESSAGE"] and "daemon/loop.py" in entry["MESSAGE"].splitlines()[-2]
    assert watched.get("/readyz")[0] == 200


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["trixie"], indirect=True)
def test_agent_that_is_given_hardly_any_processor_is_left_alone(host: Host) -> None:
    if not (CPU_GROUPS / "cpu.cfs_quota_us").exists():
        pytest.skip("no control group of this host bounds processors")
    watch(host, STARVED_SECONDS)
    # The uptime violates all of them and none fires, so that each has to be judged in each pass.
    thresholds = "".join(
        f"  threshold-{{file}}-{n}: {{{{signal: uptime.seconds, above: 0, for: 31d}}}}\n" for n in range(THRESHOLDS)
    )
    for file in range(FILES):
        host.policy("version: 1\nthresholds:\n" + thresholds.format(file=file), f"{file}.yaml")
    host.start()
    before, (seen,) = host.pid(), host.bed.processes(UNIT)
    wait_for_pass(host, 3)
    needs = needed(host, seen)
    had, missed = worked(seen), waited(seen)
    # Wherever it is in a pass now: before so much time is over, the loop has been kept from coming round for longer
    # than one and a half intervals, in each of which whoever feeds systemd gets its turn many times.
    with starved([seen], 100 * needs / (KEPT * STARVED_SECONDS)):
        wait_for(lambda: waited(seen) - missed > 3 * STARVED_SECONDS, 120, "for an agent that is kept waiting")
        assert worked(seen) - had < 1.5 * needs, "no second pass came to its end"
    assert "in force" in host.out("hostkeeper", "reload")
    assert (host.pid(), host.shown("NRestarts")) == (before, "0")
    assert not host.journal("PRIORITY=2")


def wait_for_pass(host: Host, number: float) -> float:
    """Wait until the agent has taken so many passes over the signals; return how many it has taken."""
    return wait_for(lambda: done if (done := host.metric(PASSES) or 0.0) >= number else None, 120)


def needed(host: Host, seen: int) -> float:
    """Return how many seconds of a processor the main thread needs for a pass that nobody keeps it from."""
    began, had = wait_for_pass(host, 1), worked(seen)
    ended = wait_for_pass(host, began + 4)
    return (worked(seen) - had) / (ended - began)


def os_signal(status: int) -> int:
    """Return the signal that a wait status tells of."""
    return status & 0x7F
