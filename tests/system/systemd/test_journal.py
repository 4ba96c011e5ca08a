"""What the journal has of runs: who, which, what came of it, and how grave that is."""

from __future__ import annotations

import pytest

from tests.system.bed.host import UNIT, Host
from tests.system.systemd.kinds import ended, first

pytestmark = pytest.mark.root

_POLICY = """\
version: 1
tasks:
  goes-well:
    schedule: every 2 seconds
    action: command.run
    with: {command: ['true']}
  goes-wrong:
    schedule: every 2 seconds
    action: command.run
    with: {command: [sh, -c, 'echo a line; exit 3']}
"""


def fields(entry: dict[str, object]) -> dict[str, object]:
    """Return what an entry says of a run, without the run's number."""
    return {name.removeprefix("HOSTKEEPER_"): entry[name] for name in sorted(entry) if name in NAMED}


NAMED = ("HOSTKEEPER_OUTCOME", "HOSTKEEPER_REASON", "HOSTKEEPER_STEP", "HOSTKEEPER_TASK", "PRIORITY", "_SYSTEMD_UNIT")


def test_each_run_has_a_start_its_steps_and_an_end_with_fields_and_priorities(host: Host) -> None:
    host.policy(_POLICY)
    host.start()
    for task in ("goes-well", "goes-wrong"):
        ended(host, task)
    run = {task: first(host, task)["id"] for task in ("goes-well", "goes-wrong")}
    well = host.journal(f"HOSTKEEPER_RUN={run['goes-well']}", "_TRANSPORT=journal", "SYSLOG_IDENTIFIER=hostkeeper")
    unit = f"hostkeeper-run-{run['goes-well']}.service"
    common = {"TASK": "goes-well", "PRIORITY": "6"}
    assert [fields(entry) for entry in well] == [
        {**common, "OUTCOME": "running", "_SYSTEMD_UNIT": UNIT},
        {**common, "OUTCOME": "done", "STEP": "run", "_SYSTEMD_UNIT": unit},
        {**common, "OUTCOME": "succeeded", "_SYSTEMD_UNIT": UNIT},
    ]
    wrong = host.journal(f"HOSTKEEPER_RUN={run['goes-wrong']}", "_TRANSPORT=journal", "SYSLOG_IDENTIFIER=hostkeeper")
    unit = f"hostkeeper-run-{run['goes-wrong']}.service"
    failed = {"TASK": "goes-wrong", "PRIORITY": "3", "STEP": "run", "OUTCOME": "failed", "REASON": "step_failed"}
    assert [fields(entry) for entry in wrong] == [
        {"TASK": "goes-wrong", "PRIORITY": "6", "OUTCOME": "running", "_SYSTEMD_UNIT": UNIT},
        {**failed, "_SYSTEMD_UNIT": unit},
        {**failed, "_SYSTEMD_UNIT": UNIT},
    ]
    # What a command printed stays one entry, with all its lines.
    assert wrong[-1]["MESSAGE"].endswith("exited with code 3; its last words:\na line")
    assert all("INFO" not in entry["MESSAGE"] for entry in well), "the priority is a field, and not a word"
    starts = host.journal("MESSAGE_ID=b4ccb2ad91f3447087b1c2ca6e3d2b77")
    assert {entry["HOSTKEEPER_TASK"] for entry in starts} == {"goes-well", "goes-wrong"}


@pytest.mark.parametrize("suite", ["bookworm"], indirect=True)
def test_lines_on_a_terminal_say_the_same_in_words(host: Host) -> None:
    host.policy(_POLICY)
    host.run("mkdir", "/run/hostkeeper")
    told = host.run("timeout", "--signal=INT", "4", "hostkeeper", "agent", check=False).stderr
    lines = [line.split(" ", 2)[2] for line in told.splitlines() if line.startswith("20")]
    assert any(line.startswith("INFO task goes-well: run ") and line.endswith(" started") for line in lines)
    assert any(line.startswith("INFO task goes-well: run ") and line.endswith(" succeeded") for line in lines)
    assert any(line.startswith("ERROR task goes-wrong: run ") and "failed (step_failed)" in line for line in lines)
