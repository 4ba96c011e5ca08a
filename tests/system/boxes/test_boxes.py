"""What leaves the box of a task fails, for every action; what its options open works, and nothing else."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from agent import registry
from agent.model.box import UNCONFINED
from tests.system.boxes.conftest import Boxes

pytestmark = pytest.mark.root

PROGRAMS = frozenset({"become another user", "write and execute memory"})
"""What every box allows that is for programs of the admin's own."""

TOOTHLESS = frozenset({"open by handle", "use keys", "load a module", "swap", "set the clock"})
"""What a bed refuses whoever asks: only the filter itself shows that a box would refuse it as well."""

CALLS = frozenset({"open_by_handle_at", "keyctl", "init_module", "finit_module", "swapon", "clock_settime", "bpf"})
"""The system calls behind that."""


class Sample(NamedTuple):
    """Options of an action, what they let a run do, and how exposed its unit may be at most."""

    action: str
    options: dict[str, Any]
    opens: frozenset[str]
    exposure: float


BRINGS_BACK = frozenset({"become another user", "change an owner", "make a device", "set a program's setuid bit"})
"""What it takes to bring back files whosever they are, and whatever they are."""


def command(opens: set[str], exposure: float, **options: object) -> Sample:
    return Sample("command.run", {"command": ["true"], **options}, PROGRAMS | opens, exposure)


def backups(action: str, opens: set[str], exposure: float, **options: object) -> Sample:
    """Return a sample of an action on backups in a directory where there is something to spoil."""
    repository = {"name": "local", "driver": "tar", "settings": {"path": "/srv/canary"}}
    return Sample(action, {"repository": repository, **options}, frozenset(opens), exposure)


SHOP = {"name": "shop", "driver": "postgresql", "settings": {"dsn": "host=/run/postgresql", "user": "postgres"}}
SPOILS = {"write and execute memory", "delete", "rename", "change a mode"}

SAMPLES = {
    "capacity.forecast": Sample("capacity.forecast", {}, frozenset(), 1.4),
    "files.retain": Sample("files.retain", {"paths": ["/srv/tidy"]}, frozenset(), 1.4),
    "backup.create": backups("backup.create", SPOILS, 1.9, sources=[{"path": "/srv", "database": None}], writable=[]),
    "backup.create of a database": backups(
        "backup.create", {*SPOILS, "become another user", "change an owner"}, 2.3, sources=[{"database": SHOP}]
    ),
    "backup.verify": backups("backup.verify", SPOILS, 1.9),
    "backup.drill": backups("backup.drill", {*SPOILS, *BRINGS_BACK}, 2.8),
    "logs.analyze": Sample("logs.analyze", {"files": ["/srv/canary/a.log"]}, frozenset(), 1.3),
    "logs.vacuum": Sample("logs.vacuum", {"directory": "/srv/tidy", "max_files": 5}, frozenset(), 1.4),
    "logs.rotate": Sample("logs.rotate", {"paths": ["/srv/tidy/a.log"]}, PROGRAMS, 2.3),
    "command": command(set(), 2.4),
    "command as another user": command(set(), 2.2, user="nobody"),
    "command that writes": command(
        {"write to /etc", "write a policy", "delete", "rename", "change a mode", "change an owner"},
        2.4,
        writable=["/etc", "/srv/canary", "/srv/no-such-place"],
    ),
    "command that writes to a home": command({"write to a home"}, 2.4, writable=["/root"]),
    "command that writes to /tmp": command({"write to the real /tmp"}, 2.5, writable=["/tmp/real"]),
    "command with a network": command({"use the network"}, 3.2, network=True),
    "command that orders services": command({"order the service manager", "speak to D-Bus"}, 2.4, services=True),
    "command that mounts": command(
        {"mount", "unmount", "make a mount namespace", "make a user namespace"}, 3.5, capabilities=["CAP_SYS_ADMIN"]
    ),
    "command that traces": command({"trace", "write to a process"}, 2.8, capabilities=["CAP_SYS_PTRACE"]),
    "command that changes the root": command({"change the root"}, 2.5, capabilities=["CAP_SYS_CHROOT"]),
    "command with devices": command({"make a device"}, 2.7, devices=True, capabilities=["CAP_MKNOD"]),
    "command that tunes": command(
        {"tune the kernel"}, 2.6, writable=["/proc/sys/net/ipv4"], capabilities=["CAP_NET_ADMIN"]
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_leaves_the_box_fails(boxes: Boxes, name: str) -> None:
    sample = SAMPLES[name]
    met, judged = boxes.probe(sample.action, sample.options)
    assert {attempt for attempt, error in met.items() if not error} == sample.opens, met
    assert "openat" in judged.calls
    assert not CALLS & judged.calls
    assert judged.exposure <= sample.exposure


UNBOXED: dict[str, dict[str, Any]] = {
    "backup.restore": {"repository": {"name": "local", "driver": "tar", "settings": {"path": "/srv/canary"}}},
    "command.run": {"command": ["true"], "privileged": True},
}


def test_probe_of_no_box_leaves_it(boxes: Boxes) -> None:
    met, _ = boxes.probe("command.run", UNBOXED["command.run"])
    assert {attempt for attempt, error in met.items() if error} <= TOOTHLESS


ODD = ("/home/shop", "/srv/a b", '/srv/q"uo', "/srv/it's", "/srv/back\\slash", "/srv/100%d", "/srv/c:d", "/srv/$HOME")


def test_paths_below_homes_and_with_odd_names_are_writable_and_nothing_beside_them(boxes: Boxes) -> None:
    boxes.host.run("mkdir", "-p", *ODD)
    script = 'for p in "$@"; do touch "$p/x" || echo "refused $p"; done; touch /home/x /srv/x; echo done'
    options = {"command": ["true"], "writable": list(ODD)}
    judged = boxes.run("command.run", options, "/bin/sh", "-c", f"sleep 0.4; {script}", "sh", *ODD)
    assert "refused" not in judged.printed
    assert judged.printed.count("Read-only") == 2
    assert all(boxes.host.bed.path(f"{path}/x").exists() for path in ODD)


def test_actions_without_a_box_have_none() -> None:
    assert {registry.box_of(action, options) for action, options in UNBOXED.items()} == {UNCONFINED}


def test_every_action_has_a_sample() -> None:
    assert {sample.action for sample in SAMPLES.values()} | set(UNBOXED) == set(registry.names())
