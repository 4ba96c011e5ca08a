"""Which files count, and that a signature changes whenever what is behind a name does."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from agent.policy.scan import GONE, changed_at, scan


def test_files_that_count_and_those_that_do_not(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yml", "c.d.yaml", "ü.yaml"):
        (tmp_path / name).touch()
    left_out = [".hidden.yaml", ".a.yaml.swp", ".#a.yaml", "a.yaml~", "a.yaml.swp", "#a.yaml#", "4913", "a.yaml.tmp"]
    left_out += ["a.yaml.dpkg-new", "a.json", "README", "yaml", ".yaml", "a.YAML"]
    for name in left_out:
        (tmp_path / name).touch()
    (tmp_path / "directory.yaml").mkdir()
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "x.yaml").touch()
    found = scan(str(tmp_path))
    assert sorted(found.files) == ["a.yaml", "b.yml", "c.d.yaml", "ü.yaml"]
    assert "directory.yaml" in found.ignored
    assert "below" in found.ignored
    assert "a.YAML" in found.ignored
    assert not any(name.startswith(".") or name.endswith(("~", ".swp", ".tmp")) for name in found.ignored)


def test_empty_directory_holds_nothing(tmp_path: Path) -> None:
    assert scan(str(tmp_path)).files == {}


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_directory_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):  # noqa: PT011 - which one depends on what is there
        scan(str(tmp_path / name))


def signature(directory: Path) -> str:
    return scan(str(directory)).files["p.yaml"]


def test_signature_changes_with_content_owner_mode_and_identity(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    seen = set()

    def changed() -> bool:
        found = signature(tmp_path)
        new = found not in seen
        seen.add(found)
        return new

    file.write_text("version: 1\n")
    assert changed()
    assert not changed()
    file.write_text("version: 2\n")
    assert changed()
    file.chmod(0o666)
    assert changed()
    (tmp_path / "new").write_text("version: 2\n")
    os.replace(tmp_path / "new", file)
    assert changed()
    before = file.stat()
    file.write_text("version: 3\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert changed(), "the time of change cannot be turned back"


def test_swapped_directory_behind_links_changes_the_signature(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / f"..{version}").mkdir()
        (tmp_path / f"..{version}" / "p.yaml").write_text("version: 1\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "p.yaml").symlink_to("..data/p.yaml")
    assert sorted(scan(str(tmp_path)).files) == ["p.yaml"]
    before = signature(tmp_path)
    (tmp_path / "..new").symlink_to("..2")
    os.replace(tmp_path / "..new", tmp_path / "..data")
    assert signature(tmp_path) != before


def test_link_that_leads_nowhere_is_listed_as_gone(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").symlink_to("missing")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    assert scan(str(tmp_path)).files == {"p.yaml": GONE, "loop.yaml": GONE}


def test_links_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").touch()
    (tmp_path / "b.yaml").symlink_to("a.yaml")
    (tmp_path / "c.yaml").symlink_to("missing")
    assert sorted(scan(str(tmp_path)).links) == ["b.yaml", "c.yaml"]


def test_signature_tells_when_the_file_changed(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.touch()
    assert changed_at(signature(tmp_path)) == pytest.approx(file.stat().st_ctime, abs=1e-3)


def test_name_that_is_not_utf_8_is_listed(tmp_path: Path) -> None:
    with open(os.fsencode(tmp_path) + b"/\xff.yaml", "w"):
        pass
    assert list(scan(str(tmp_path)).files) == ["\udcff.yaml"]


def test_ten_thousand_files_are_listed_in_little_time(tmp_path: Path) -> None:
    for number in range(10_000):
        os.close(os.open(f"{tmp_path}/{number}.yaml", os.O_CREAT | os.O_WRONLY))
    times = []
    for _ in range(5):
        begun = time.process_time()
        assert len(scan(str(tmp_path)).files) == 10_000
        times.append(time.process_time() - begun)
    assert min(times) < 0.15, "an unburdened host needs a third of that"
