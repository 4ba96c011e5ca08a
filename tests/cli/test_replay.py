"""`hostkeeper replay` over the agent's own samples."""

from __future__ import annotations

import json
import time
from array import array
from pathlib import Path

import pytest

from agent.store import Store
from agent.store.blocks import Block
from tests.system.agent import AgentUnderTest

POLICY = """version: 1
tasks:
  cool: {action: command.run, with: {command: ["true"]}}
thresholds:
  hot: {signal: cpu.used_percent, above: 90, for: 20s, run: [cool], at_most: {times: 1, per: 1d}}
  full: {signal: disk.used_percent, above: 90}
"""


@pytest.fixture
def recorded(tmp_path: Path) -> AgentUnderTest:
    agent = AgentUnderTest(tmp_path)
    agent.policy(POLICY)
    began = time.time() - 600
    values = [50.0] * 10 + [95.0] * 5 + [50.0] * 5 + [99.0] * 4 + [50.0]
    with Store(str(agent.state)) as store:
        number = store.samples.add(("cpu.used_percent", ()), began)
        times = array("d", [began + 10.0 * place for place in range(len(values))])
        store.samples.write([Block(times, {number: array("d", values)})])
    return agent


def test_replay_tells_when_a_threshold_would_have_fired_and_what_it_would_have_run(recorded: AgentUnderTest) -> None:
    found = json.loads(recorded.command("replay", "hot", "--since", "1h", "--json").stdout)
    assert [one["threshold"] for one in found] == ["hot"]
    outcome = found[0]["outcome"]
    assert [round(one["cleared"] - one["fired"]) for one in outcome["episodes"]] == [30, 20]
    assert [one["worst"] for one in outcome["episodes"]] == [95.0, 99.0]
    assert (outcome["acts"], outcome["held"], outcome["points"]) == (1, 1, 25)


def test_threshold_without_numbers_is_unknown_and_not_well(recorded: AgentUnderTest) -> None:
    lines = recorded.command("replay", "--since", "1h").stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["threshold", "full", "hot"]
    assert " ".join(lines[1].split()) == "full - - unknown - - - - none"
    assert "2 times" in lines[2]
    assert len([line for line in lines if "at worst" in line]) == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("hto",), 8, "did you mean hot?"),
        (("hot", "--prometheus", ""), 2, "not the address of a server"),
        (("hot", "--prometheus", "ftp://server"), 2, "not the address of a server"),
        (("hot", "--prometheus", "http://[::1"), 2, "not the address of a server"),
        (("hot", "--prometheus", "http://me:secret@server"), 2, "not the address of a server"),
        (("hot", "--since", "yesterdya"), 2, "yesterdya"),
        (("hot", "--since", "1h", "--until", "2h"), 2, "--since 1h is not before --until 2h"),
        (("hot", "--prometheus", "http://127.0.0.1:1"), 4, "127.0.0.1:1"),
    ],
)
def test_replay_of_what_cannot_be_says_why(
    recorded: AgentUnderTest, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = recorded.command("replay", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
