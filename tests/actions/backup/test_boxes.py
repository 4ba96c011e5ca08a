"""What the boxes of actions on backups open, by what their options name."""

from __future__ import annotations

import pytest

from agent import registry

TAR = {"name": "local", "driver": "tar", "settings": {"path": "/var/backups/hostkeeper/"}}


@pytest.mark.parametrize(
    ("repository", "database", "writable", "network", "becomes"),
    [
        (TAR, None, {"/var/backups/hostkeeper"}, False, False),
        ({**TAR, "driver": "restic", "settings": {"repository": "/srv/restic"}}, None, {"/srv/restic"}, False, False),
        ({**TAR, "driver": "restic", "settings": {"repository": "sftp:a@b:/c"}}, None, set(), True, False),
        (
            TAR,
            {"name": "notes", "driver": "sqlite", "settings": {"path": "/srv/notes/notes.db"}},
            {"/var/backups/hostkeeper", "/srv/notes"},
            False,
            False,
        ),
        (
            TAR,
            {"name": "crm", "driver": "mysql", "settings": {"socket": None}},
            {"/var/backups/hostkeeper"},
            True,
            False,
        ),
        (
            TAR,
            {"name": "shop", "driver": "postgresql", "settings": {"dsn": "host=/run/postgresql", "user": "postgres"}},
            {"/var/backups/hostkeeper"},
            False,
            True,
        ),
        (
            TAR,
            {"name": "shop", "driver": "postgresql", "settings": {"dsn": "postgresql://db/shop", "user": None}},
            {"/var/backups/hostkeeper"},
            True,
            False,
        ),
    ],
)
def test_box_of_create_opens_what_its_drivers_need(
    repository: dict[str, object],
    database: dict[str, object] | None,
    writable: set[str],
    network: bool,
    becomes: bool,
) -> None:
    sources = [{"path": "/srv", "exclude": [], "database": None}, {"path": None, "exclude": [], "database": database}]
    box = registry.box_of("backup.create", {"repository": repository, "sources": sources, "writable": []})
    assert set(box.writable) == writable
    assert box.network is network
    assert ("CAP_SETUID" in box.capabilities) is becomes
    assert "CAP_DAC_OVERRIDE" not in box.capabilities
    assert box.programs
