from __future__ import annotations

from pathlib import Path

import pytest

from agent import registry


@pytest.mark.parametrize(
    ("path", "match", "said"),
    [
        ("{place}", ["*"], []),
        ("{place}/none", ["*"], []),
        ("{place}/link", ["*"], ["{place}/link is a symbolic link, so every run is refused: name /usr instead"]),
        (
            "/etc",
            ["*"],
            ["/etc is a directory of the system itself, so every run is refused: say with `match` what to clean"],
        ),
        ("/etc", ["*.dpkg-old"], []),
    ],
)
def test_remarks_on_retention_say_which_paths_are_refused(
    tmp_path: Path, path: str, match: list[str], said: list[str]
) -> None:
    (tmp_path / "link").symlink_to("/usr")
    told = registry.remarks_of("files.retain", {"paths": [path.format(place=tmp_path)], "match": match})
    assert list(told) == [one.format(place=tmp_path) for one in said]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["/srv/a", "/srv/ab", "/srv/b"], []),
        (["/srv/a", "/srv/a/"], ["/srv/a is named twice"]),
        (["/srv/a/b/", "/srv/c", "/srv/a"], ["/srv/a/b is below /srv/a, which is named too"]),
        (["/srv/a", "/srv/a/b"], ["/srv/a/b is below /srv/a, which is named too"]),
    ],
)
def test_remarks_on_retention_say_which_paths_are_walked_twice(paths: list[str], said: list[str]) -> None:
    told = registry.remarks_of("files.retain", {"paths": paths, "match": ["*.old"]})
    rest = ": its files are looked at twice, and count twice in limits; name it once"
    assert list(told) == [f"{one}{rest}" for one in said]
