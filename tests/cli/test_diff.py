"""`hostkeeper diff`: what a change of policies changes in behaviour."""

from __future__ import annotations

import json
import os
import time
from array import array
from pathlib import Path
from typing import Any

import pytest

from agent.store import Store
from agent.store.blocks import Block
from tests.system.agent import AgentUnderTest

POLICY = """version: 1
windows:
  nightly: {opens: "0 2 * * *", lasts: 3h, timezone: UTC}
tasks:
  tidy:
    schedule: {cron: "0 3 * * *", timezone: UTC}
    action: files.retain
    with: {paths: [PLACE/files], max_age: 7d}
  hourly: {schedule: "@hourly", action: command.run, with: {command: ["true"]}}
  gone: {schedule: "@weekly", action: command.run, with: {command: ["true"]}}
thresholds:
  hot: {signal: cpu.used_percent, above: 90}
"""
CHANGES = (
    ("max_age: 7d", "max_age: 30d"),
    ("0 3 * * *", "0 4 * * *"),
    ("above: 90", "above: 98"),
    ("  gone:", "  come:"),
)


@pytest.fixture
def agent(tmp_path: Path) -> AgentUnderTest:
    made = AgentUnderTest(tmp_path)
    now = time.time()
    (tmp_path / "files").mkdir()
    for days in (1, 10, 20, 40):
        (tmp_path / "files" / f"of-{days}-days").touch()
        os.utime(tmp_path / "files" / f"of-{days}-days", (now - days * 86_400, now - days * 86_400))
    with Store(str(made.state)) as store:
        number = store.samples.add(("cpu.used_percent", ()), now)
        times = array("d", [now - 600 + 10.0 * place for place in range(6)])
        store.samples.write([Block(times, {number: array("d", [50.0, 95.0, 50.0, 99.0, 99.0, 50.0])})])
    return made


def policies(agent: AgentUnderTest, name: str, *changes: tuple[str, str]) -> str:
    text = POLICY.replace("PLACE", str(agent.place))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    directory = agent.place / name
    directory.mkdir(mode=0o700)
    (directory / "p.yaml").write_text(text)
    return str(directory)


def differing(agent: AgentUnderTest, *changes: tuple[str, str]) -> dict[str, Any]:
    done = agent.command("diff", policies(agent, "old"), policies(agent, "new", *changes), "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_diff_names_what_is_new_gone_and_changed_with_the_fields(agent: AgentUnderTest) -> None:
    found = {(one["section"], one["name"]): one for one in differing(agent, *CHANGES)["changes"]}
    assert found.keys() == {("tasks", "come"), ("tasks", "gone"), ("tasks", "tidy"), ("thresholds", "hot")}
    assert found["tasks", "come"]["added"]
    assert found["tasks", "gone"]["removed"]
    assert found["tasks", "tidy"]["fields"] == {
        "schedule.text": ["0 3 * * *", "0 4 * * *"],
        "with.max_age": [7 * 86_400, 30 * 86_400],
    }
    assert found["thresholds", "hot"]["fields"] == {
        "condition.bound.above": [90, 98],
        "condition.clear.above": [90, 98],
    }


def test_diff_tells_which_runs_of_the_next_days_are_others(agent: AgentUnderTest) -> None:
    found = {one["task"]: one for one in differing(agent, CHANGES[1])["runs"]}
    assert found.keys() == {"tidy"}
    assert found["tidy"]["before"] == found["tidy"]["after"] == 30
    assert len(found["tidy"]["only_before"]) == len(found["tidy"]["only_after"]) == 30
    assert (found["tidy"]["only_after"][0] - found["tidy"]["only_before"][0]) % 86_400 == 3600


def test_diff_tells_what_retention_would_delete_and_spare_and_touches_nothing(agent: AgentUnderTest) -> None:
    (one,) = differing(agent, CHANGES[0])["retention"]
    assert (one["task"], one["more"], one["less"]) == ("tidy", 0, 2)
    assert [Path(path).name for path in one["spared"]] == ["of-10-days", "of-20-days"]
    assert len(list((agent.place / "files").iterdir())) == 4


def test_diff_tells_what_thresholds_would_have_done(agent: AgentUnderTest) -> None:
    (one,) = differing(agent, CHANGES[2])["thresholds"]
    assert (one["threshold"], len(one["before"]), len(one["after"])) == ("hot", 2, 1)


def test_diff_as_text_says_all_of_it(agent: AgentUnderTest) -> None:
    done = agent.command("diff", policies(agent, "old"), policies(agent, "new", *CHANGES))
    assert "    with.max_age: 604800 -> 2592000\n" in done.stdout
    assert "  tidy: 30 before, 30 now\n" in done.stdout
    assert "  tidy: 0 more, 2 less\n" in done.stdout
    assert "  hot: fired 2 times (30.0s) before, fired once (20.0s) now" in done.stdout


def test_same_policies_differ_in_nothing_wherever_they_are_written(agent: AgentUnderTest) -> None:
    old = policies(agent, "old")
    new = policies(agent, "new", ("version: 1\n", "version: 1\n# moved\n"))
    assert agent.command("diff", old, new).stdout == "nothing differs\n"


def test_set_in_force_is_compared_with_the_files_as_they_are_now(agent: AgentUnderTest) -> None:
    agent.policy(POLICY.replace("PLACE", str(agent.place)))
    agent.start()
    agent.end()
    agent.policy(POLICY.replace("PLACE", str(agent.place)).replace(*CHANGES[2]))
    found = json.loads(agent.command("diff", "--json").stdout)
    assert [one["name"] for one in found["changes"]] == ["hot"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("PLACE/a", "PLACE/b", "PLACE/c"), 2, "at most two directories"),
        (("PLACE/nowhere", "PLACE/old"), 3, "nowhere"),
        ((), 8, "no policies were ever in force here"),
    ],
)
def test_diff_of_what_cannot_be_compared_says_why(
    agent: AgentUnderTest, arguments: tuple[str, ...], code: int, said: str
) -> None:
    policies(agent, "old")
    (agent.place / "state" / "hostkeeper.db").rename(agent.place / "aside")
    agent.policy("version: 1\n")
    done = agent.command("diff", *(one.replace("PLACE", str(agent.place)) for one in arguments))
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
