"""What each action opens of its box, from its options alone."""

from __future__ import annotations

from typing import Any

import pytest

from agent import registry
from agent.model.box import UNCONFINED, Box

COMMAND: dict[str, Any] = {"command": ["true"]}
REPOSITORY: dict[str, Any] = {"name": "local", "driver": "tar", "settings": {"path": "/var/backups/hostkeeper"}}
OPTIONS: dict[str, dict[str, Any]] = {
    "backup.create": {"repository": REPOSITORY, "sources": [{"path": "/srv/a", "database": None}], "writable": []},
    "backup.drill": {"repository": REPOSITORY, "where": None},
    "backup.restore": {"repository": REPOSITORY},
    "backup.verify": {"repository": REPOSITORY, "writable": []},
    "capacity.forecast": {},
    "command.run": COMMAND,
    "files.retain": {"paths": ["/srv/a"]},
    "logs.analyze": {"files": ["/srv/a/app.log"]},
    "logs.rotate": {"paths": ["/srv/a/app.log", "/srv/a/*.log"]},
    "logs.vacuum": {"directory": "/srv/journal"},
}
FILES_OF_ALL = ("CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER")
ROOT = (
    *("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL"),
    *("CAP_SETGID", "CAP_SETUID"),
)


@pytest.mark.parametrize("name", registry.names())
def test_box_of_an_action_is_the_one_it_exposes(name: str) -> None:
    assert registry.box_of(name, OPTIONS[name]) == registry.load(name).box(OPTIONS[name])


def test_logs_are_read_by_their_analysis_and_written_to_beside_themselves_by_the_others() -> None:
    assert registry.box_of("logs.analyze", OPTIONS["logs.analyze"]).writable == ()
    assert registry.box_of("logs.rotate", OPTIONS["logs.rotate"]).writable == ("/srv/a",)
    assert registry.box_of("logs.vacuum", OPTIONS["logs.vacuum"]).writable == ("/srv/journal",)
    assert registry.box_of("logs.vacuum", {"max_files": 1}).writable == ("/var/log/journal", "/run/log/journal")


def test_files_retain_writes_below_its_paths_and_starts_nothing() -> None:
    box = registry.box_of("files.retain", {"paths": ["/srv/a", "/tmp/b"]})
    assert box == Box(writable=("/srv/a", "/tmp/b"), capabilities=FILES_OF_ALL)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Box(programs=True, capabilities=ROOT)),
        ({"user": "root"}, Box(programs=True, capabilities=ROOT)),
        (
            {"user": "www-data"},
            Box(programs=True, capabilities=("CAP_DAC_READ_SEARCH", "CAP_KILL", "CAP_SETGID", "CAP_SETUID")),
        ),
        (
            {"writable": ["/srv"], "network": True, "services": True, "devices": True},
            Box(programs=True, capabilities=ROOT, writable=("/srv",), network=True, services=True, devices=True),
        ),
        ({"capabilities": ["CAP_KILL", "CAP_SYSLOG"]}, Box(programs=True, capabilities=(*ROOT, "CAP_SYSLOG"))),
        ({"privileged": True, "network": False}, UNCONFINED),
        ({"command": ["cat", "/tmp/x"]}, Box(programs=True, capabilities=ROOT, shared_tmp=True)),
        ({"directory": "/var/tmp"}, Box(programs=True, capabilities=ROOT, shared_tmp=True)),
        ({"environment": {"TMPDIR": "/tmp/mine"}}, Box(programs=True, capabilities=ROOT, shared_tmp=True)),
        ({"undo": ["rm", "/tmp/x"]}, Box(programs=True, capabilities=ROOT, shared_tmp=True)),
    ],
)  # fmt: skip
def test_command_run_opens_what_its_options_name(options: dict[str, Any], expected: Box) -> None:
    assert registry.box_of("command.run", COMMAND | options) == expected
