"""What tar says becomes sentences that name each path, and no word of it is lost."""

from __future__ import annotations

import pytest

from agent.drivers.repositories.tar import complaints
from agent.drivers.repositories.tar.complaints import MOST, Complaints
from agent.ports import Completed


def heard(*lines: str, code: int = 1, lost: int = 0) -> Complaints:
    text = "".join(f"{line}\n" for line in lines)
    return complaints.heard(Completed(code, text, len(text) + lost, False, 0.1))


@pytest.mark.parametrize(
    ("line", "flaw", "unread"),
    [
        ("tar: srv/a: file changed as we read it", "/srv/a changed while it was read", False),
        ("tar: srv/a: File removed before we read it", "/srv/a went away before it was read", False),
        ("tar: ./a: File shrank by 1 byte; padding with zeros", "/a became shorter while it was read", False),
        ("tar: srv/a: File shrank by 52 bytes; padding with zeros", "/srv/a became shorter while it was read", False),
        ("tar: srv/a: Warning: Cannot stat: No such file or directory", "/srv/a went away before it was read", False),
        ("tar: srv/a: Warning: Cannot open: Permission denied", "/srv/a cannot be read: Permission denied", True),
        ("/bin/tar: srv/d: Cannot open: Permission denied", "/srv/d cannot be read: Permission denied", True),
        (
            "tar: a: b: Warning: Read error at byte 512, while reading 3 bytes: Input/output error",
            "/a: b cannot be read from byte 512 on: Input/output error",
            True,
        ),
        ("tar: srv/a: Warning: Cannot llistxattrat: I/O", "/srv/a is not complete: tar cannot llistxattrat: I/O", True),
        ("tar: srv/a: Unknown file type; file ignored", "/srv/a is of a kind that tar does not know", True),
        ("tar: srv/{a}\\n: file changed as we read it", "/srv/{a}\\n changed while it was read", False),
        ("tar: something new", "tar says: tar: something new", True),
        ("something else", "tar says: something else", True),
    ],
)
def test_complaint_is_a_flaw_that_names_the_path(line: str, flaw: str, unread: bool) -> None:
    assert heard(line) == Complaints((flaw,), (), unread)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("tar: srv/s: socket ignored", "/srv/s is a socket"),
        ("tar: srv/m: file is on a different filesystem; not dumped", "/srv/m is on another file system"),
    ],
)
def test_what_is_left_out_by_rule_is_no_flaw(line: str, sentence: str) -> None:
    assert heard(line, code=0) == Complaints((), (sentence,))


def test_silence_is_no_complaint_unless_tar_says_otherwise() -> None:
    assert heard(code=0) == Complaints()
    assert heard("", "tar: srv/new: Directory is new", code=0) == Complaints()
    assert heard(code=1).flaws == ("tar ended with code 1 and did not say why",)


def test_many_complaints_are_counted() -> None:
    said = heard(*(f"tar: {number}: file changed as we read it" for number in range(MOST + 7)))
    assert len(said.flaws) == MOST + 1
    assert said.flaws[-1] == "and 7 more"
    hidden = complaints.anonymous(said)
    assert hidden.flaws == (f"{MOST + 7} objects are missing or not as they were; the encrypted manifest names them",)


def test_lost_complaints_are_told() -> None:
    said = heard("cut", "tar: srv/a: file changed as we read it", lost=5000)
    assert "lost" in said.flaws[0]
    assert said.flaws[1:] == ("/srv/a changed while it was read",)
    assert said.unread


def test_nobody_is_named_to_whoever_may_not_know() -> None:
    hidden = complaints.anonymous(Complaints(("/secret changed",), ("/secret is a socket",), True))
    assert "secret" not in str(hidden)
    assert hidden.flaws[0].startswith("1 objects are missing")
    assert complaints.anonymous(Complaints()) == Complaints()
