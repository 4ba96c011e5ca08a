"""What people may say of an incident, and how the steps of its runbook are shown."""

from __future__ import annotations

import argparse

import pytest

from agent.cli.incident_arguments import SUBCOMMANDS
from agent.cli.incidents.runbook import KEYS, LEAVE
from agent.cli.incidents.show import steps
from agent.cli.incidents.telling import LONGEST, person, said
from agent.errors import BadArgument
from agent.model.policies import Instruction


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
