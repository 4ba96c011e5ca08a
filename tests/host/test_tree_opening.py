"""Where a configured path leads is for root alone to decide."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from agent.host.tree import Kernel, UnsafePath, open_root
from tests.host.trees import open_descriptors

NOBODY = 65534


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "real" / "below").mkdir(parents=True)
    return tmp_path


def leads_to(path: Path, *, trusted: list[int] | None = None) -> Path:
    """Return where an opened path really is; no descriptor may stay open."""
    before = open_descriptors()
    root = open_root(str(path), Kernel(), trusted)
    found = Path(os.readlink(f"/proc/self/fd/{root.fd}"))
    root.close()
    assert open_descriptors() == before
    return found


def refused(path: Path, error: type[Exception], *, trusted: list[int] | None = None) -> str:
    before = open_descriptors()
    with pytest.raises(error) as caught:
        open_root(str(path), Kernel(), trusted)
    assert open_descriptors() == before
    return str(caught.value)


def test_plain_path_is_opened(place: Path) -> None:
    assert leads_to(place / "real") == place / "real"
    assert leads_to(Path(f"{place}/real/./below//")) == place / "real" / "below"


def test_path_keeps_the_name_that_was_configured(place: Path) -> None:
    (place / "link").symlink_to("real")
    root = open_root(f"{place}/link/below/", Kernel())
    assert root.path == os.fsencode(place) + b"/link/below"
    root.close()


@pytest.mark.parametrize("target", ["real", "{place}/real", "../{name}/real", "real/../real/below/.."])
def test_own_link_is_followed(place: Path, target: str) -> None:
    (place / "link").symlink_to(target.format(place=place, name=place.name))
    assert leads_to(place / "link" / "below") == place / "real" / "below"


def test_link_of_somebody_else_is_refused(place: Path) -> None:
    (place / "link").symlink_to("real")
    said = refused(place / "link", UnsafePath, trusted=[os.geteuid() + 1])
    assert "'link' on this path is a symbolic link that others than root can change" in said


@pytest.mark.root
@pytest.mark.parametrize(
    ("outer", "inner", "opened"),
    [(0, 0, True), (0, NOBODY, True), (NOBODY, NOBODY, True), (NOBODY, 0, False), (NOBODY, NOBODY - 1, False)],
)
def test_directory_in_that_of_a_user_must_be_the_users_own(place: Path, outer: int, inner: int, opened: bool) -> None:
    os.chown(place / "real", outer, outer)
    os.chown(place / "real" / "below", inner, inner)
    (place / "real" / "below" / "deeper").mkdir()
    os.chown(place / "real" / "below" / "deeper", inner, inner)
    for path in (place / "real" / "below", place / "real" / "below" / "deeper"):
        if opened:
            assert leads_to(path) == path
        else:
            assert "'below' on this path is in the directory of another user" in refused(path, UnsafePath)


@pytest.mark.parametrize(("mode", "opened"), [(0o777, False), (0o1777, True), (0o775, True), (0o755, True)])
def test_directory_that_everybody_can_exchange_is_refused(place: Path, mode: int, opened: bool) -> None:
    (place / "real").chmod(mode)
    if opened:
        assert leads_to(place / "real" / "below") == place / "real" / "below"
    else:
        assert "everybody can put something else in the place of 'below'" in refused(
            place / "real" / "below", UnsafePath
        )


@pytest.mark.root
def test_link_of_a_user_is_refused_at_any_place_of_the_path(place: Path) -> None:
    (place / "link").symlink_to("real")
    os.lchown(place / "link", NOBODY, NOBODY)
    refused(place / "link", UnsafePath)
    refused(place / "link" / "below", UnsafePath)
    (place / "second").symlink_to("link")
    refused(place / "second" / "below", UnsafePath)


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o775])
def test_link_in_a_directory_that_others_write_to_is_refused(place: Path, mode: int) -> None:
    shared = place / "shared"
    shared.mkdir()
    shared.chmod(mode)
    (shared / "link").symlink_to(place / "real")
    refused(shared / "link", UnsafePath)


@pytest.mark.root
def test_link_in_a_directory_of_a_user_is_refused(place: Path) -> None:
    (place / "link").symlink_to("real")
    os.chown(place, NOBODY, NOBODY)
    refused(place / "link", UnsafePath)


def test_links_in_a_circle_are_refused(place: Path) -> None:
    (place / "one").symlink_to("two")
    (place / "two").symlink_to("one")
    assert "more than 40 symbolic links" in refused(place / "one", UnsafePath)


def test_what_does_not_exist_says_so(place: Path) -> None:
    assert str(place / "none") in refused(place / "none", FileNotFoundError)
    refused(place / "none" / "below", FileNotFoundError)
    (place / "dangling").symlink_to("none")
    refused(place / "dangling", FileNotFoundError)


def test_what_is_no_directory_says_so(place: Path) -> None:
    (place / "file").touch()
    refused(place / "file", NotADirectoryError)
    refused(place / "file" / "below", NotADirectoryError)
