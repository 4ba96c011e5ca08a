"""What the agent has to do while it is struck: every way a run can go, falling due every few seconds."""

from __future__ import annotations

from collections.abc import Mapping

DUE_EVERY: Mapping[str, int] = {
    "beat": 5,
    "shaky": 20,
    "once": 15,
    "replaced": 10,
    "skipping": 10,
    "overdue": 30,
    "idle": 30,
    "first": 15,
    "second": 15,
    "even": 30,
    "odd": 30,
    "tidy": 10,
    "count": 15,
}
"""After how many seconds each scheduled task falls due again, counted from the epoch."""

ASKED_FOR = ("errand", "react", "sweep")
TASKS = (*DUE_EVERY, *ASKED_FOR)
"""Every task that is in force all the time; `guests` come and go."""

BREAKER = "alarm"
"""The threshold that trips again and again, until it is held."""

WORK = """version: 1
description: $version
windows:
  even: {opens: "*/2 * * * *", lasts: 1m, timezone: UTC}
  odd: {opens: "1-59/2 * * * *", lasts: 1m, timezone: UTC}
tasks:
  beat:
    schedule: every 5 seconds
    overlap: queue
    action: command.run
    with: {command: [$effect, do], repeatable: true}
  shaky:
    schedule: every 20 seconds
    retry: {attempts: 2, delay: 1s}
    action: command.run
    with: {command: [$effect, do, --exit, "3"], undo: [$effect, undo]}
  once:
    schedule: every 15 seconds
    action: command.run
    with: {command: [$effect, do, --for, "1"]}
  replaced:
    schedule: every 10 seconds
    overlap: replace
    action: command.run
    with: {command: [$effect, do, --for, "15"], undo: [$effect, undo], grace: 1s}
  skipping:
    schedule: every 10 seconds
    overlap: skip
    action: command.run
    with: {command: [$effect, do, --for, "13"], repeatable: true}
  overdue:
    schedule: every 30 seconds
    max_duration: 1s
    action: command.run
    with: {command: [$effect, do, --for, "30"], undo: [$effect, undo], grace: 1s}
  idle:
    schedule: every 30 seconds
    priority: low
    action: command.run
    with: {command: [$effect, do, --exit, "9"], skip_codes: [9], repeatable: true}
  first:
    schedule: every 15 seconds
    priority: high
    action: command.run
    with: {command: [$effect, do], repeatable: true}
  second:
    schedule: every 15 seconds
    needs: [first]
    action: command.run
    with: {command: [$effect, do], repeatable: true}
  even:
    schedule: every 30 seconds
    window: even
    overlap: queue
    action: command.run
    with: {command: [$effect, do, --for, "8"], repeatable: true}
  odd:
    schedule: every 30 seconds
    window: odd
    overlap: replace
    action: command.run
    with: {command: [$effect, do, --for, "8"], repeatable: true}
  errand:
    action: command.run
    with: {command: [$effect, do, --for, "1"], repeatable: true}
"""

HOUSEKEEPING = """version: 1
tasks:
  tidy:
    schedule: every 10 seconds
    limits: {items: 500}
    action: files.retain
    with: {paths: [$disk/tidied], match: ["*.old"], max_age: 12h, suspect_clock: $suspect_clock}
  count:
    schedule: every 15 seconds
    action: files.retain
    with: {paths: [$disk/counted], max_count: 10, empty_directories: true, suspect_clock: allow}
  sweep:
    priority: critical
    action: files.retain
    with: {paths: [$disk/swept], max_count: 0, suspect_clock: allow, beyond_history: allow}
  react:
    action: command.run
    with: {command: [$effect, do], repeatable: true}
thresholds:
  filling:
    signal: disk.used_percent
    labels: {mountpoint: $disk}
    above: 80
    clear_below: 70
    run: [sweep]
    at_most: {times: 10000, per: 1d}
  alarm:
    signal: process.count
    labels: {name: $alarm}
    above: 0
    run: [react]
    at_most: {times: 3, per: 10m}
"""

GUEST = """version: 1
tasks:
  guest-$number:
    schedule: every $every seconds
    action: command.run
    with: {command: [$effect, do], repeatable: true}
"""

REST = """version: 1
tasks:
"""
"""The beginning of a policy in which every task is there and none is enabled: what has begun comes to its end."""

RESTING = """  {task}:
    enabled: false
    action: command.run
    with: {{command: ["true"]}}
"""

BAD: Mapping[str, str] = {
    "not YAML": "version: 1\ntasks: [\n",
    "no such action": "version: 1\ntasks: {x: {action: command.rum}}\n",
    "of another version": "version: 2\n",
    "needs nobody": "version: 1\ntasks: {x: {action: command.run, with: {command: [echo]}, needs: [nobody]}}\n",
    "a second `beat`": "version: 1\ntasks: {beat: {action: command.run, with: {command: [echo]}}}\n",
    "empty": "",
}


def resting() -> str:
    """Return a policy of all tasks, none of them enabled and none in a window."""
    return REST + "".join(RESTING.format(task=task) for task in TASKS)
