import pytest

from agent.rules.patterns import picks
from agent.rules.system_places import is_system_place


@pytest.mark.parametrize(
    "path", ["/", "/etc", "/etc/", "/usr", "/usr/lib", "/usr/local", "/var", "/var/lib", "/home", "/root"]
)
def test_directory_of_the_system_is_one(path: str) -> None:
    assert is_system_place(path)


@pytest.mark.parametrize(
    "path", ["/tmp", "/var/tmp", "/var/log", "/var/cache", "/srv/shop", "/etc/shop", "/home/ann", "/var/lib/shop"]
)
def test_directory_that_may_be_cleaned_whole_is_none(path: str) -> None:
    assert not is_system_place(path)


@pytest.mark.parametrize(
    ("patterns", "some"),
    [
        (["*"], False),
        (["**"], False),
        (["**/*"], False),
        (["*/"], False),
        (["*.log", "*"], False),
        (["*.log"], True),
        (["cache/**", "?"], True),
    ],
)
def test_patterns_pick_when_each_says_more_than_a_star(patterns: list[str], some: bool) -> None:
    assert picks(patterns) is some
