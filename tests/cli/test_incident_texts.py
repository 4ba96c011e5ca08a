"""What people may say of an incident, and how the steps of its runbook are shown."""

from __future__ import annotations

import argparse
from datetime import UTC

import pytest
from msgspec.structs import replace

from agent.cli.incident_arguments import SUBCOMMANDS
from agent.cli.incidents.runbook import KEYS, LEAVE
from agent.cli.incidents.show import steps, text
from agent.cli.incidents.telling import LONGEST, person, said
from agent.engine.dossier import Dossier
from agent.errors import BadArgument
from agent.model.incidents import Member, Word
from agent.model.policies import Instruction
from agent.report.incident import incident_page
from tests.store.test_incidents import INCIDENT, OPENED, ROOT, SRV

FIRES = Member(series=ROOT, word=Word.FIRST, fired=OPENED, value=91.5)
GONE = Member(series=SRV, word=Word.JOINED, fired=OPENED, value=None, cleared=OPENED + 60, lasted=60.0)
SPREAD = Dossier(
    incident=replace(INCIDENT, id=3, joined=299),
    fires=180,
    quiet=120,
    firing=(FIRES, replace(FIRES, series=(("mountpoint", "/\x1b[2J"),))),
    cleared=(GONE,),
    timeline=(),
    exhibits=(),
    runs=(),
)


def test_words_are_one_text_without_what_is_no_utf8() -> None:
    assert said(["it", "is ", "\udcff 😀\n"], "the note") == "it is  \ufffd 😀"
    assert len(said(["x" * LONGEST], "the note")) == LONGEST


@pytest.mark.parametrize(
    ("words", "wrong"),
    [([], "the note is empty"), (["", " \n"], "the note is empty"), (["x" * (LONGEST + 1)], "has 4001 characters")],
)
def test_text_that_says_nothing_or_too_much_is_refused(words: list[str], wrong: str) -> None:
    with pytest.raises(BadArgument, match=wrong):
        said(words, "the note")


def test_person_is_who_became_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_USER", "ada\udcff")
    assert person() == "ada\ufffd"


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "٣", "9" * 19, "9" * 5000, ""])
def test_number_of_an_incident_that_is_none_is_refused(text: str) -> None:
    parser = argparse.ArgumentParser(exit_on_error=False)
    SUBCOMMANDS["show"][1](parser)
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        parser.parse_args(["--", text])


def test_steps_say_their_keys_where_these_are_not_their_numbers() -> None:
    runbook = [Instruction(text="look\x1b[2J", run="clean")] * 40
    shown = steps(runbook, KEYS)
    assert shown[0] == "  1  look\\x1b[2J  [task clean]"
    assert shown[9].startswith("  10 (key a)  look")
    assert shown[-1].startswith("  40 (--step 40)  look")
    assert "key" not in "".join(steps(runbook))
    assert not LEAVE & set(KEYS)


def test_incident_of_many_series_is_shown_with_those_that_fire_and_those_that_have_cleared() -> None:
    shown = text(SPREAD, UTC)
    assert "condition fires on 180 of 300 series" in shown
    begins = shown.index("series (180 fire, 120 have cleared)")
    assert shown[begins + 1 : begins + 6] == [
        "  2026-03-01 12:00:00  fires          91.5  mountpoint=/",
        "  2026-03-01 12:00:00  fires          91.5  mountpoint=/\\x1b[2J",
        "  and 178 more that fire",
        "  2026-03-01 12:01:00  cleared     no data  mountpoint=/srv",
        "  and 119 more that have cleared",
    ]


def test_incident_of_one_series_is_shown_without_a_list_of_it() -> None:
    alone = replace(SPREAD, incident=INCIDENT, fires=1, quiet=0, firing=(FIRES,), cleared=())
    assert "condition fires" in text(alone, UTC)
    assert not [line for line in text(alone, UTC) if line.startswith("series")]
    assert "Series" not in incident_page(alone, "host", "1", UTC, OPENED)


def test_page_of_an_incident_lists_its_series_with_a_count_of_the_others() -> None:
    page = incident_page(SPREAD, "host", "1", UTC, OPENED + 90)
    for part in ("(and 299 more series)", "180 fire, 120 have cleared", "mountpoint=/srv", "and 178 more that fire"):
        assert part in page
