from __future__ import annotations

import unicodedata
from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.notices import Event, Item
from agent.model.policies import Severity, Template
from agent.rules.notices.wording import BODY_MOST, SUBJECT_MOST, many_lines, one_line, ordered, summary, words
from tests.notices import NOW, notice

OWN = Template("", "")


def item(lasted: float = 0.0, done: tuple[str, ...] = (), unheard: bool = False, **changes: object) -> Item:
    return Item(notice=notice(**changes), lasted=lasted, done=done, unheard=unheard)


def test_message_of_one_firing_names_signal_and_value() -> None:
    subject, body = words(OWN, "shop", [item()], UTC)
    assert subject == "[shop] warning: root-filling fires: disk.used_percent is 93.5"
    assert body.splitlines() == [
        "root-filling fires (warning), 2026-11-18 11:06:40",
        "  disk.used_percent (mountpoint=/): 93.5",
        "  The root file system is nearly full",
    ]


def test_message_of_a_recovery_says_how_long_it_lasted_and_what_was_done() -> None:
    done = ("clean-uploads (run 12) succeeded in 3.0s",)
    over = item(lasted=750.0, done=done, event=Event.CLEARED, since=NOW - 750)
    subject, body = words(OWN, "shop", [over], UTC)
    assert subject == "[shop] warning: root-filling is over after 12m30s"
    assert "  it lasted 12m30s" in body.splitlines()
    assert "  done: clean-uploads (run 12) succeeded in 3.0s" in body.splitlines()


def test_message_of_a_task_that_recovers_says_how_long_it_failed() -> None:
    over = item(lasted=3600.0, event=Event.RECOVERY, subject="backup", signal="", run=7)
    _, body = words(OWN, "shop", [over], UTC)
    assert body.splitlines()[1] == "  it failed for 1h00m"


def test_message_of_what_came_and_went_says_so() -> None:
    _, body = words(OWN, "shop", [item(unheard=True, event=Event.CLEARED, lasted=5.0)], UTC)
    assert body.startswith("root-filling came and went (warning)")


def test_message_of_several_counts_them_and_tells_the_worst_first() -> None:
    items = ordered(
        [
            item(event=Event.CLEARED),
            item(subject="mild"),
            item(subject="bad", severity=Severity.CRITICAL),
            item(event=Event.FAILURE, subject="backup", run=7),
        ]
    )
    assert [one.notice.subject for one in items] == ["bad", "mild", "backup", "root-filling"]
    assert summary(items) == "2 fire, 1 failed, 1 is over"


def test_message_masks_secrets_in_what_it_tells() -> None:
    _, body = words(OWN, "shop", [item(detail="curl: https://ops:hunter2@chat.example failed")], UTC)
    assert "hunter2" not in body
    assert "[masked]" in body


def test_message_with_a_template_follows_it() -> None:
    template = Template("{host}/{severity}/{event}/{count}/{names}", "{summary}:\n{items}")
    subject, body = words(template, "shop", [item()], UTC)
    assert subject == "shop/warning/fired/1/root-filling"
    assert body.startswith("root-filling fires: disk.used_percent is 93.5:\nroot-filling fires (warning)")


@given(st.text(), st.text(), st.integers(1, 60))
def test_message_of_anything_is_bounded_and_harmless(name: str, detail: str, count: int) -> None:
    items = [item(subject=name, detail=detail, description=name)] * count
    subject, body = words(OWN, "shop", items, UTC)
    assert len(subject) <= SUBJECT_MOST
    assert len(body) <= BODY_MOST + 40
    for text, kept in ((subject, ""), (body, "\n")):
        assert not [
            char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} and char not in kept
        ]


@pytest.mark.parametrize("char", ["\r\n", "\n", "\x00", "\x1b[2J", "\u202e", "\u2028", "\x85"])
def test_line_keeps_nothing_that_acts(char: str) -> None:
    found = one_line(f"a{char}Bcc: x", 100)
    assert "\n" not in found
    assert not any(unicodedata.category(one) in {"Cc", "Cf", "Zl", "Zp"} for one in found)
    assert many_lines("a\r\nb", 10) == "a\nb"
