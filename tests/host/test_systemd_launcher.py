"""What the unit of a run is told, as far as it takes no service manager."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from agent.host.systemd_launcher import making
from agent.model.box import UNCONFINED, Box


def test_directories_that_a_box_has_made_are_made_before_the_run_with_all_of_roots_rights() -> None:
    box = Box(made=("/var/backups/hostkeeper", "/srv/a-b_c.d/"))
    assert list(making(box)) == [
        ("ExecStartPre", "+-/usr/bin/mkdir --parents --mode=0700 /var/backups/hostkeeper"),
        ("ExecStartPre", "+-/usr/bin/mkdir --parents --mode=0700 /srv/a-b_c.d/"),
    ]


@pytest.mark.parametrize("path", ["/a b", "/a%h", "/a$x", "/a\n", "/a;b", "a", "/", "//a", '/"a"', "/ä"])
def test_path_that_the_service_manager_would_read_otherwise_is_left_to_the_admin(path: str) -> None:
    assert list(making(Box(made=(path,)))) == []


def test_run_without_a_box_makes_its_own() -> None:
    assert list(making(replace(UNCONFINED, made=("/srv/a",)))) == []
