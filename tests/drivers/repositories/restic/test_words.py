"""What restic's messages are taken for: said by restic 0.14 and 0.18."""

from __future__ import annotations

import pytest

from agent.drivers.repositories.restic.words import Patience, Trouble, absent, grave, last, spoken, trouble, unlockable

MISSING = (
    "Load(<data/f1a7275f09>, 247, 1444) returned error, retrying after 1.080381816s: "
    "open /srv/repo/data/f1/f1a7275f09: no such file or directory"
)
SHORT = "Load(<data/f1a7275f09>, 0, 0) returned error, retrying after 552.330144ms: unexpected EOF"
READ_ONLY = (
    "Save(<lock/aaaaaaaaaa>) returned error, retrying after 552.330144ms: open /srv/repo/locks/a: read-only file system"
)
FAR = "Load(<data/f1a7275f09>, 0, 0) returned error, retrying after 552.330144ms: dial tcp: connection refused"

SAID = (
    (1, "Fatal: unable to create lock in backend: repository is already locked exclusively by PID 1 on vm", "locked"),
    (11, "unable to create lock in backend: repository is already locked by PID 1", "locked"),
    (1, "Fatal: wrong password or no key found", "password"),
    (12, "Fatal: wrong password or no key found", "password"),
    (1, "Fatal: unable to open config file: stat /srv/repo/config: no such file or directory", "absent"),
    (1, "Fatal: unable to open config file: Lstat: file does not exist", "absent"),
    (10, "Fatal: repository does not exist: unable to open config file: stat /srv/repo/config", "absent"),
    (1, "Fatal: unable to open config file: dial tcp 10.0.0.1:22: connect: connection refused", "surroundings"),
    (1, "Fatal: unable to open config file: Stat: Access Denied.", "surroundings"),
    (1, "ignoring error for /srv/a: ciphertext verification failed\nFatal: There were 1 errors", "damage"),
    (1, "Pack ID does not match, want 8645be08, got 5824392f\nFatal: repository contains errors", "damage"),
    (1, "pack 8645be0873: does not exist\nFatal: repository contains errors", "damage"),
    (1, "error: load <snapshot/51cf1f98e9>: invalid data returned", "damage"),
    (1, "ignoring error for /srv/a: open /out/srv/a: no space left on device", "surroundings"),
    (1, "Fatal: unable to save snapshot: write /srv/repo/tmp: no space left on device", "surroundings"),
    (1, "unable to create lock in backend: open /srv/repo/locks/a: read-only file system", "surroundings"),
    (1, "pack be0791: unexpected file size: got 1000, expected 3000692", "damage"),
    (1, "words that nobody knows", "damage"),
    (1, "", "damage"),
)


@pytest.mark.parametrize(("code", "said", "kind"), SAID)
def test_trouble_of_messages_is_what_they_mean(code: int, said: str, kind: str) -> None:
    assert trouble(code, said.splitlines()) is Trouble(kind)


def test_absent_repository_is_certain_only_where_restic_says_so() -> None:
    told = {said: absent(said.splitlines()) for _, said, _ in SAID}
    assert {said for said, certain in told.items() if certain} == {said for _, said, kind in SAID if kind == "absent"}


def over(*lines: str, near: bool = False) -> list[bool]:
    patience = Patience(near=near)
    return [patience.over(line) is not None for line in lines]


def test_patience_ends_when_a_file_is_missing_for_the_second_time() -> None:
    assert over(MISSING, "something else", MISSING.replace("f1a7275f09", "aaaaaaaaaa"), MISSING) == [*[False] * 3, True]
    patience = Patience(near=False)
    patience.over(MISSING)
    assert patience.over(MISSING) == (Trouble.DAMAGE, "data/f1a7275f09")


def test_patience_with_a_file_that_ends_early_is_longer_far_away() -> None:
    assert over(SHORT, SHORT, near=True) == [False, True]
    assert over(*[SHORT] * 6) == [False] * 5 + [True]


def test_patience_with_a_disk_that_is_only_read_is_short() -> None:
    patience = Patience(near=True)
    patience.over(READ_ONLY)
    assert patience.over(READ_ONLY) == (Trouble.SURROUNDINGS, "lock/aaaaaaaaaa")


def test_patience_with_a_connection_has_no_end() -> None:
    assert not any(over(*[FAR] * 100, near=True))


def test_grave_messages_are_all_but_those_of_the_cache() -> None:
    assert grave(["", "unable to open cache: read-only file system", "could not load snapshot 51cf1f98"]) == [
        "could not load snapshot 51cf1f98"
    ]


def test_last_words_of_a_silent_program_are_its_exit_code() -> None:
    assert last([], 3) == "it ended with exit code 3 and no message"
    assert last([f"line {number}" for number in range(9)], 1) == "line 5; line 6; line 7; line 8"


def test_spoken_is_what_is_said_without_the_way_to_it() -> None:
    json = '{"message_type":"exit_error","code":1,"message":"id 7f not found in repository\\ngithub.com/x\\n\\ty:1"}'
    lines = [
        json,
        "main.runLs",
        "\tgithub.com/restic/restic/cmd/restic/cmd_ls.go:464",
        "goroutine 1 [running]:",
        "main thing",
    ]
    assert [spoken(line) for line in lines] == ["id 7f not found in repository", "", "", "", "main thing"]


def test_last_words_name_the_damage_rather_than_what_to_do_about_it() -> None:
    lines = ["pack 0bc6b52b: does not exist", *("advice",) * 9, "Fatal: repository contains errors"]
    assert last(lines, 1) == "pack 0bc6b52b: does not exist"


def test_unlockable_is_a_repository_that_may_only_be_read() -> None:
    assert unlockable(["unable to create lock in backend: open /srv/repo/locks/a: read-only file system"])
    assert unlockable([READ_ONLY])
    assert not unlockable(["unable to create lock in backend: repository is already locked by PID 1"])
