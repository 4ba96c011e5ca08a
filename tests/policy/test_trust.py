"""Who could change what root does: the decision as a table, the walk and the whole on real files."""

from __future__ import annotations

import errno
import os
import stat
import struct
from itertools import product
from pathlib import Path

import pytest

from agent.policy.trust import Fact, Guard, distrust_of, judge, way_to

DIRECTORY, FILE, LINK = stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK
NOBODY = 65534


def test_decision_over_all_facts_is_the_rule() -> None:
    """Owner, group write, others' write, sticky, kind, names and shared directory, in all combinations."""
    for uid, write, sticky, kind, links, shared in product(
        (0, NOBODY), (0, 0o020, 0o002, 0o022), (0, stat.S_ISVTX), (DIRECTORY, FILE, LINK), (1, 2), (False, True)
    ):
        fact = Fact("/p", uid, kind | 0o644 | write | sticky, links, shared)
        if kind == LINK:
            safe = not shared or (uid == 0 and links == 1)
        elif kind == DIRECTORY:
            safe = uid == 0 and (not write or bool(sticky))
        else:
            safe = uid == 0 and not write and (links == 1 or not shared)
        assert (judge([fact]) == []) == safe, fact


@pytest.mark.parametrize(
    ("fact", "right"),
    [
        (Fact("/etc/a b", NOBODY, FILE | 0o644, 1, shared=False), "run: chown root '/etc/a b'"),
        (Fact("/etc/p", 0, FILE | 0o664, 1, shared=False), "run: chmod go-w /etc/p"),
        (Fact("/etc", 0, DIRECTORY | 0o777, 2, shared=False), "run: chmod go-w /etc"),
        (Fact("/tmp/p", 0, FILE | 0o644, 2, shared=True), "run: cp -p /tmp/p /tmp/p.new && mv /tmp/p.new /tmp/p"),
        (Fact("/tmp/l", NOBODY, LINK | 0o777, 1, shared=True), "run: chown -h root /tmp/l"),
        (Fact("/tmp/$(id)", NOBODY, DIRECTORY | 0o755, 2, shared=True), "run: chown root '/tmp/$(id)'"),
    ],
)
def test_distrust_names_the_command_that_mends_it(fact: Fact, right: str) -> None:
    assert [distrust.right for distrust in judge([fact])] == [right]


def test_way_visits_every_directory_and_link_once_in_order(tmp_path: Path) -> None:
    (tmp_path / "real" / "sub").mkdir(parents=True)
    (tmp_path / "real" / "sub" / "file").touch()
    (tmp_path / "dir-link").symlink_to("real")
    (tmp_path / "real" / "file-link").symlink_to("../dir-link/sub/./file")
    paths = [fact.path for fact in way_to(str(tmp_path / "dir-link" / "file-link"))]
    here = str(tmp_path)
    tail = [path.removeprefix(here) for path in paths[paths.index(here) :]]
    assert tail[:4] == ["", "/dir-link", "/real", "/real/file-link"]
    assert tail[-3:] == ["/real", "/real/sub", "/real/sub/file"]
    assert paths[0] == "/"


def test_way_that_never_ends_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match=os.strerror(errno.ELOOP)):
        list(way_to(str(tmp_path / "a")))


def test_way_through_a_missing_directory_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(way_to(str(tmp_path / "no" / "file")))


def test_way_of_a_relative_path_begins_at_the_root(tmp_path: Path) -> None:
    paths = [fact.path for fact in way_to(".")]
    assert paths[0] == "/"
    assert paths[-1] == os.getcwd()


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy file of root's in directories of root's."""
    directory = tmp_path / "etc" / "policies.d"
    directory.mkdir(parents=True, mode=0o755)
    file = directory / "p.yaml"
    file.write_text("version: 1\n")
    for path in (tmp_path, tmp_path / "etc", directory):
        path.chmod(0o755)
    file.chmod(0o644)
    return file


def distrusted(file: Path) -> set[str]:
    """Return what is distrusted on the way to a file, by the names below the temporary directory."""
    guard = Guard(str(file.parent))
    linked = file.is_symlink()
    found = distrust_of(str(file.parent)) + guard.distrust(str(file), file.stat(), linked=linked)
    return {Path(distrust.path).name for distrust in found}


@pytest.mark.root
def test_file_of_roots_in_directories_of_roots_is_trusted(policy: Path) -> None:
    assert distrusted(policy) == set()


@pytest.mark.root
@pytest.mark.parametrize("name", ["p.yaml", "policies.d", "etc"])
@pytest.mark.parametrize("mode", [0o020, 0o002])
def test_place_that_others_can_write_is_distrusted(policy: Path, name: str, mode: int) -> None:
    place = next(path for path in (policy, *policy.parents) if path.name == name)
    place.chmod(place.stat().st_mode | mode)
    assert distrusted(policy) == {name}


@pytest.mark.root
@pytest.mark.parametrize("name", ["p.yaml", "policies.d", "etc"])
def test_place_of_another_user_is_distrusted(policy: Path, name: str) -> None:
    place = next(path for path in (policy, *policy.parents) if path.name == name)
    os.chown(place, NOBODY, -1)
    assert distrusted(policy) == {name}


@pytest.mark.root
@pytest.mark.parametrize("name", ["policies.d", "etc"])
def test_sticky_directory_of_roots_is_safe_for_files_of_roots_and_no_others(policy: Path, name: str) -> None:
    place = next(path for path in policy.parents if path.name == name)
    place.chmod(0o1777)
    assert distrusted(policy) == set()
    os.chown(policy, NOBODY, -1)
    assert distrusted(policy) == {"p.yaml"}


@pytest.mark.root
def test_second_name_matters_where_everybody_can_add_names_and_only_there(policy: Path) -> None:
    """Else any user could make the policies bad by linking to one of them from a directory of their own."""
    os.link(policy, policy.parents[1] / "elsewhere")
    assert distrusted(policy) == set()
    policy.parent.chmod(0o1777)
    assert distrusted(policy) == {"p.yaml"}


@pytest.mark.root
def test_link_is_judged_with_its_target_and_everything_above_that(policy: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "v1").mkdir(parents=True)
    target = tmp_path / "data" / "v1" / "p.yaml"
    target.write_text("version: 1\n")
    policy.unlink()
    policy.symlink_to("../../data/v1/p.yaml")
    assert distrusted(policy) == set()
    target.chmod(0o666)
    assert distrusted(policy) == {"p.yaml"}
    target.chmod(0o644)
    (tmp_path / "data").chmod(0o775)
    assert distrusted(policy) == {"data"}
    (tmp_path / "data").chmod(0o1777)
    assert distrusted(policy) == set()
    os.chown(tmp_path / "data" / "v1", NOBODY, -1)
    assert distrusted(policy) == {"v1"}


@pytest.mark.root
def test_link_that_others_put_into_a_shared_directory_is_distrusted(policy: Path, tmp_path: Path) -> None:
    (tmp_path / "target.yaml").write_text("version: 1\n")
    policy.unlink()
    policy.symlink_to(tmp_path / "target.yaml")
    os.lchown(policy, NOBODY, -1)
    assert distrusted(policy) == set(), "only root can have put it here"
    policy.parent.chmod(0o1777)
    assert distrusted(policy) == {"p.yaml"}


def access_list(mask: int) -> bytes:
    """Return the kernel's form of an access control list that grants nobody to write, as far as the mask allows."""
    unset = 0xFFFFFFFF
    entries = [(0x01, 6, unset), (0x02, 6, NOBODY), (0x04, 4, unset), (0x10, mask, unset), (0x20, 4, unset)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@pytest.mark.root
def test_write_access_granted_by_a_list_shows_in_the_mode(policy: Path) -> None:
    os.setxattr(policy, "system.posix_acl_access", access_list(mask=6))
    assert distrusted(policy) == {"p.yaml"}
    os.setxattr(policy, "system.posix_acl_access", access_list(mask=4))
    assert distrusted(policy) == set(), "the mask takes the grant back"


def test_way_to_a_whole_path_needs_no_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert list(way_to(str(tmp_path)))[-1].path == str(tmp_path)
    with pytest.raises(FileNotFoundError):
        list(way_to("policies"))
