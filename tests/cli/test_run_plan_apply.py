"""Running a task from the command line, planning it, and applying the plan."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from agent.errors import ExitCode
from agent.model.reasons import Reason
from agent.model.runs import RunOutcome, RunState
from agent.rules.outcomes import outcome
from agent.store import Store
from tests.cli.policy import POLICY, files_of, good
from tests.system.agent import AgentUnderTest, wait_for


def test_run_that_succeeds_says_so(agent: AgentUnderTest) -> None:
    assert "| hello" in good(agent.command("run", "hello"))


def test_run_that_fails_is_undone_and_has_its_own_code(agent: AgentUnderTest) -> None:
    done = agent.command("run", "broken")
    assert done.returncode == ExitCode.RUN_FAILED
    assert agent.runs()[0].state is RunState.UNDONE


def test_run_of_an_unknown_task_names_the_nearest(agent: AgentUnderTest) -> None:
    done = agent.command("run", "hallo")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "did you mean hello?" in done.stderr


def test_run_without_what_it_needs_is_refused_until_that_has_succeeded(agent: AgentUnderTest) -> None:
    done = agent.command("run", "after")
    assert done.returncode == ExitCode.REFUSED
    assert "--ignore-needs" in done.stderr
    good(agent.command("run", "after", "--ignore-needs"))
    good(agent.command("run", "hello"))
    good(agent.command("run", "after"))


def test_run_dry_shows_what_the_run_then_does_and_writes_nothing(agent: AgentUnderTest) -> None:
    before = files_of(agent)
    shown = json.loads(good(agent.command("run", "tidy", "--dry-run", "--json")))
    assert files_of(agent) == before
    assert not agent.state.exists()
    planned = {step["name"]: step["facts"] for step in shown["steps"]}
    assert planned[f"retain:{agent.place}/files"]["delete"] == 3
    ran = json.loads(good(agent.command("run", "tidy", "--json")))
    done = {step["name"]: step["facts"] for step in ran["steps"]}
    assert done.keys() == planned.keys()
    assert done[f"retain:{agent.place}/files"]["deleted"] == 3
    assert files_of(agent) == ["young"]


def test_run_that_fails_is_one_document_of_data_with_its_exit_code(agent: AgentUnderTest) -> None:
    done = agent.command("run", "broken", "--json")
    assert (done.returncode, json.loads(done.stdout)["state"]) == (ExitCode.RUN_FAILED, "undone")


def test_run_of_a_task_that_is_not_enabled_is_refused_whoever_asks(agent: AgentUnderTest) -> None:
    done = agent.command("run", "off")
    assert done.returncode == ExitCode.REFUSED
    assert "enabled: false" in done.stderr
    plan = agent.place / "plan.json"
    good(agent.command("plan", "off", "-o", str(plan)))
    assert agent.command("apply", str(plan)).returncode == ExitCode.REFUSED
    assert agent.runs() == []


def test_run_more_often_than_at_most_is_refused_and_held(agent: AgentUnderTest) -> None:
    good(agent.command("run", "rare"))
    done = agent.command("run", "rare")
    assert done.returncode == ExitCode.REFUSED
    assert "hostkeeper release-hold rare" in done.stderr
    assert len(agent.runs()) == 1
    good(agent.command("release-hold", "rare"))
    good(agent.command("run", "rare"))


def test_run_explain_says_why_for_every_object(agent: AgentUnderTest) -> None:
    text = good(agent.command("run", "tidy", "--explain"))
    assert f"delete {agent.place}/files/old-0: {Reason.TOO_OLD}" in text
    assert f"keep {agent.place}/files/young: {Reason.YOUNG_ENOUGH}" in text
    assert len(files_of(agent)) == 4


def test_run_beyond_its_limits_is_refused_before_it_touches_anything(agent: AgentUnderTest) -> None:
    for number in range(10):
        (agent.place / "files" / f"more-{number}").touch()
        os.utime(agent.place / "files" / f"more-{number}", (1_000_000_000, 1_000_000_000))
    done = agent.command("run", "tidy")
    assert done.returncode == ExitCode.REFUSED
    assert agent.runs()[0].why == Reason.LIMIT_ITEMS
    assert len(files_of(agent)) == 14


def test_apply_does_what_the_plan_shows(agent: AgentUnderTest) -> None:
    plan = agent.place / "plan.json"
    good(agent.command("plan", "tidy", "--output", str(plan)))
    assert plan.stat().st_mode & 0o077 == 0
    good(agent.command("apply", str(plan)))
    assert files_of(agent) == ["young"]


def test_apply_after_the_host_has_changed_is_refused(agent: AgentUnderTest) -> None:
    plan = agent.place / "plan.json"
    good(agent.command("plan", "tidy", "--output", str(plan)))
    (agent.place / "files" / "old-1").unlink()
    done = agent.command("apply", str(plan))
    assert done.returncode == ExitCode.REFUSED
    run = agent.runs()[0]
    assert (run.why, outcome(run)) == (Reason.WORLD_DRIFTED, RunOutcome.REFUSED)
    assert files_of(agent) == ["old-0", "old-2", "young"]
    assert f"run {run.id} of tidy ended refused (world_drifted)" in done.stderr
    assert "refused" in good(agent.command("history"))
    assert json.loads(agent.command("status", "--json").stdout)["trouble"] == ["the agent is not running"]


def test_apply_after_the_task_has_changed_is_refused(agent: AgentUnderTest) -> None:
    plan = agent.place / "plan.json"
    good(agent.command("plan", "tidy", "--output", str(plan)))
    agent.policy(POLICY.format(files=agent.place / "files").replace("max_age: 7d", "max_age: 8d"))
    assert agent.command("apply", str(plan)).returncode == ExitCode.REFUSED
    assert len(files_of(agent)) == 4


@pytest.mark.parametrize("damage", ["", "{}", "[1]", "not json"])
def test_apply_of_something_else_is_refused(agent: AgentUnderTest, damage: str) -> None:
    plan = agent.place / "plan.json"
    plan.write_text(damage)
    assert agent.command("apply", str(plan)).returncode == ExitCode.REFUSED


@pytest.mark.parametrize("place", ["nowhere/plan.json", "."])
def test_plan_into_a_file_that_cannot_be_says_so(agent: AgentUnderTest, place: str) -> None:
    done = agent.command("plan", "hello", "-o", f"{agent.place}/{place}")
    assert done.returncode == ExitCode.NOT_FOUND
    assert "--output" in done.stderr


def test_apply_of_an_edited_plan_is_refused(agent: AgentUnderTest) -> None:
    plan = agent.place / "plan.json"
    good(agent.command("plan", "hello", "-o", str(plan)))
    plan.write_text(plan.read_text().replace("echo", "rm"))
    done = agent.command("apply", str(plan))
    assert done.returncode == ExitCode.REFUSED
    assert "was changed" in done.stderr


def test_apply_of_what_is_no_plan_says_how_to_make_one(agent: AgentUnderTest) -> None:
    plan = agent.place / "plan.json"
    done = agent.command("apply", str(plan))
    made = "make one with `hostkeeper plan TASK -o FILE`"
    assert (done.returncode, done.stderr) == (ExitCode.NOT_FOUND, f"{plan}: No such file or directory; {made}\n")
    plan.write_bytes(b"\xff")
    assert agent.command("apply", str(plan)).stderr == f"{plan}: not a plan; {made}\n"


AT_WORK = """version: 1
tasks:
  waits: {{action: command.run, with: {{command: [/bin/sh, -c, "until [ -e {place}/go ]; do sleep 0.05; done"]}}}}
"""


@pytest.mark.parametrize("command", ["run", "apply"])
def test_run_and_apply_are_refused_while_a_run_of_the_task_is_at_work(agent: AgentUnderTest, command: str) -> None:
    agent.policy(AT_WORK.format(place=agent.place))
    plan = agent.place / "plan.json"
    good(agent.command("plan", "waits", "--output", str(plan)))
    Store(str(agent.state)).close()
    words = [sys.executable, "-I", "-m", "agent", "run", "waits", *agent.arguments]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as first:
        try:
            wait_for(lambda: [run for run in agent.runs() if run.state is RunState.RUNNING] or None)
            done = agent.command(command, "waits" if command == "run" else str(plan))
            assert (done.returncode, "run 1 of waits is at work" in done.stderr) == (ExitCode.REFUSED, True)
        finally:
            (agent.place / "go").touch()
    assert [(run.id, run.state) for run in agent.runs()] == [(1, RunState.SUCCEEDED)]
    assert first.returncode == ExitCode.OK


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000])
def test_apply_of_what_is_no_plan_is_refused(agent: AgentUnderTest, content: bytes) -> None:
    plan = agent.place / "plan.json"
    plan.write_bytes(content)
    done = agent.command("apply", str(plan))
    assert done.returncode == ExitCode.REFUSED
    assert done.stderr == f"{plan}: not a plan; make one with `hostkeeper plan TASK -o FILE`\n"
