from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent.actions.backup._sources import Sources, measure, require_paths, sources_of
from agent.errors import RunFailed

REPOSITORY: dict[str, Any] = {"name": "local", "driver": "tar", "settings": {"path": "/srv/backups/"}}
SHOP: dict[str, Any] = {"name": "shop", "driver": "postgresql", "settings": {"dsn": "host=/run", "password_file": "/x"}}


def source(path: str, *exclude: str) -> dict[str, Any]:
    return {"path": path, "exclude": list(exclude), "database": None}


def sources(*written: dict[str, Any], repository: dict[str, Any] = REPOSITORY) -> Sources:
    return sources_of(written, repository, one_file_system=False)


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/etc/", "*.tmp", ("/etc/*.tmp", "/etc/**/*.tmp")),
        ("/etc", "cache/", ("/etc/cache", "/etc/**/cache")),
        ("/etc", "cache/*.tmp", ("/etc/cache/*.tmp",)),
        ("/etc", "/etc/ssl", ("/etc/ssl",)),
        ("/", "proc/*", ("/proc/*", "/srv/backups")),
        ("/odd/[a]*", "*.tmp", ("/odd/\\[a\\]\\*/*.tmp", "/odd/\\[a\\]\\*/**/*.tmp")),
    ],
)
def test_patterns_are_of_absolute_paths_below_their_source(path: str, pattern: str, expected: tuple[str, ...]) -> None:
    assert sources(source(path, pattern)).exclude == expected


def test_repository_is_left_out_of_what_it_lies_in_alone() -> None:
    assert sources(source("/srv"), source("/etc")).exclude == ("/srv/backups",)
    assert sources(source("/srv/backups-of-mine")).exclude == ()


@pytest.mark.parametrize("name", ["path", "repository"])
def test_repository_behind_links_is_left_out_by_its_name_below_the_source(name: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "backups").mkdir(parents=True)
    (tmp_path / "link").symlink_to("data")
    for place in ("data", "link"):
        repository = {"name": "local", "driver": "any", "settings": {name: str(tmp_path / place / "backups")}}
        for top in (tmp_path, tmp_path / "link"):
            found = sources(source(str(top)), repository=repository).exclude
            expected = top / "backups" if top != tmp_path else tmp_path / "data" / "backups"
            assert found == (str(expected),)


@pytest.mark.parametrize("inside", ["", "/host/task"])
def test_source_in_the_repository_is_refused(inside: str, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    (place / "host" / "task" / "one").mkdir(parents=True)
    repository = {"name": "local", "driver": "tar", "settings": {"path": str(place)}}
    written = sources(source(str(place) + inside), repository=repository)
    with pytest.raises(RunFailed, match="lies in the repository itself"):
        require_paths(written, repository, allow_empty=False)


def test_digest_changes_with_what_is_backed_up_and_whereto() -> None:
    elsewhere = {**REPOSITORY, "settings": {"path": "/mnt"}}
    database: dict[str, Any] = {"path": None, "exclude": [], "database": SHOP}
    digests = [
        sources(source("/etc")).digest(REPOSITORY),
        sources(source("/srv")).digest(REPOSITORY),
        sources(source("/etc", "*.tmp")).digest(REPOSITORY),
        sources(source("/etc")).digest(elsewhere),
        sources(source("/etc"), database).digest(REPOSITORY),
        sources_of([source("/etc")], REPOSITORY, one_file_system=True).digest(REPOSITORY),
    ]
    assert len(set(digests)) == len(digests)


def test_digest_stays_with_order_passwords_and_how_much_is_compressed() -> None:
    other = {**REPOSITORY, "settings": {**REPOSITORY["settings"], "compression_level": 9}}
    shop = {**SHOP, "settings": {"dsn": "host=/run", "password_file": "/y"}}
    first = [source("/etc"), source("/var"), {"path": None, "exclude": [], "database": SHOP}]
    second = [{"path": None, "exclude": [], "database": shop}, source("/var/"), source("/etc")]
    assert sources(*first).digest(REPOSITORY) == sources(*second).digest(other)


def test_measure_counts_regular_files_and_follows_nothing(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(bytes(10))
    (tmp_path / "file").write_bytes(bytes(5))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert measure(str(tmp_path), lambda: None) == (2, 15)
    assert measure(str(tmp_path / "file"), lambda: None) == (1, 5)
    assert measure(str(tmp_path / "none"), lambda: None) == (0, 0)
