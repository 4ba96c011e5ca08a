"""Every command as a process of its own, on real policies and a real store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from agent.cli.parser import COMMANDS
from agent.errors import ExitCode
from agent.model.reasons import Reason
from agent.model.runs import RunState
from agent.store import Store
from tests.cli.policy import good
from tests.system.agent import AgentUnderTest


def test_check_of_good_policies_counts_them(agent: AgentUnderTest) -> None:
    assert good(agent.command("check")).startswith("good: 1 files, 1 windows, 6 tasks, 0 thresholds")


def test_check_of_a_directory_argument_takes_it_instead(agent: AgentUnderTest, tmp_path: Path) -> None:
    assert agent.command("check", str(agent.place / "nowhere")).returncode == ExitCode.POLICY


def test_check_of_settings_that_do_not_exist_is_a_mistake(agent: AgentUnderTest) -> None:
    agent.config.unlink()
    for command in ("check", "run", "calendar"):
        done = agent.command(command, *(["hello"] if command == "run" else []))
        assert done.returncode == ExitCode.POLICY
        assert done.stderr == f"{agent.config}:0:0: does not exist: name another, or leave --config out\n"


def test_check_of_mistakes_names_all_and_has_its_own_code(agent: AgentUnderTest) -> None:
    agent.policy("version: 1\ntasks:\n  a: {action: command.rum}\n  b: {actoin: command.run}\n")
    done = agent.command("check")
    assert done.returncode == ExitCode.POLICY
    assert "policy.yaml:3:15: tasks.a.action:" in done.stderr
    assert "did you mean command.run?" in done.stderr
    assert "did you mean action?" in done.stderr
    data = json.loads(agent.command("check", "--json").stdout)
    assert data["code"] == ExitCode.POLICY
    assert {"file", "line", "column", "path", "wrong", "right"} <= data["mistakes"][0].keys()


def test_check_of_a_file_with_a_hostile_name_keeps_each_mistake_on_its_line(agent: AgentUnderTest) -> None:
    agent.policy("version: 2\n", name=f"a{os.fsdecode(bytes([255]))}\n\x1b[31m.yaml")
    lines = agent.command("check").stderr.splitlines()
    assert len(lines) == 1
    assert "a\\udcff\\n\\x1b[31m.yaml:1:10: version" in lines[0]


def test_check_warns_of_a_window_whose_opening_time_is_skipped(agent: AgentUnderTest) -> None:
    agent.policy('version: 1\nwindows:\n  w: {opens: "30 2 * * *", lasts: 1h, timezone: Europe/Berlin}\n')
    text = good(agent.command("check"))
    assert "policy.yaml:3:3: windows.w: warning: clocks skip its opening time at" in text
    assert "03:00; it opens then" in text


def test_check_says_which_engine_rotates_logs_where_that_is_not_logrotate(agent: AgentUnderTest) -> None:
    logs = agent.place / "logs"
    logs.mkdir()
    logs.chmod(0o777)
    agent.policy(f"version: 1\ntasks:\n  a: {{action: logs.rotate, with: {{engine: own, paths: [{logs}/a.log]}}}}\n")
    assert f"policy.yaml:3:3: tasks.a: everybody may write to {logs}, so every run is" in good(agent.command("check"))


def test_check_warns_of_limits_that_an_action_does_not_heed(agent: AgentUnderTest) -> None:
    agent.policy(
        "version: 1\ntasks:\n"
        "  a: {limits: {items: 5}, action: command.run, with: {command: [x]}}\n"
        "  b: {limits: {items: 5}, action: files.retain, with: {paths: [/tmp/x], max_age: 7d}}\n"
    )
    warnings = json.loads(good(agent.command("check", "--json")))["warnings"]
    assert len(warnings) == 1
    assert "policy.yaml:3:3: tasks.a.limits: warning: command.run" in warnings[0]


def test_calendar_shows_what_a_window_holds_back(agent: AgentUnderTest) -> None:
    entries = json.loads(good(agent.command("calendar", "--days", "2", "--json")))["entries"]
    assert {entry["task"] for entry in entries} == {"hello"}
    assert {entry["starts"] - entry["due"] for entry in entries} == {1800.0}
    assert "window_closed nightly" in good(agent.command("calendar", "--days", "2"))


def test_tasks_lists_them_all(agent: AgentUnderTest) -> None:
    text = good(agent.command("tasks"))
    assert "Says hello" in text
    assert {task["name"] for task in json.loads(good(agent.command("tasks", "--json")))} == {
        "hello",
        "after",
        "broken",
        "tidy",
        "off",
        "rare",
    }


def test_history_lists_runs_and_shows_one(agent: AgentUnderTest) -> None:
    good(agent.command("run", "hello"))
    agent.command("run", "broken")
    assert [run["task"] for run in json.loads(good(agent.command("history", "--json")))] == ["broken", "hello"]
    assert "undone" in good(agent.command("history", "2"))
    assert agent.command("history", "99").returncode == ExitCode.NOT_FOUND
    assert agent.command("history", "--task", "helo").returncode == ExitCode.NOT_FOUND


def test_history_and_runs_are_told_in_the_zone_of_the_settings(agent: AgentUnderTest) -> None:
    agent.settings("timezone: Pacific/Kiritimati\n")
    shown = good(agent.command("run", "hello"))
    started = datetime.fromtimestamp(agent.runs()[0].started or 0.0, ZoneInfo("Pacific/Kiritimati"))
    assert f"started   {started:%Y-%m-%d %H:%M:%S}" in shown
    assert f"{started:%Y-%m-%d %H:%M:%S}" in good(agent.command("history"))
    assert f"{started:%Y-%m-%d %H:%M:%S}" in good(agent.command("history", "1"))


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("history", "0"), ExitCode.USAGE),
        (("history", "9" * 30), ExitCode.USAGE),
        (("history", "--limit", "-1"), ExitCode.USAGE),
        (("history", "--limit", "9" * 30), ExitCode.USAGE),
        (("calendar", "--days", "0"), ExitCode.USAGE),
        (("calendar", "--days", "9" * 30), ExitCode.USAGE),
        (("calendar", "--days", "0" * 20 + "19" * 10), ExitCode.USAGE),
        (("why", "9" * 30), ExitCode.NOT_FOUND),
        (("why", "0" * 20 + "19" * 30), ExitCode.NOT_FOUND),
        (("why", ""), ExitCode.NOT_FOUND),
        (("why", "$(id)\n"), ExitCode.NOT_FOUND),
    ],
)
def test_senseless_arguments_are_refused_without_a_trace(
    agent: AgentUnderTest, command: tuple[str, ...], code: ExitCode
) -> None:
    good(agent.command("run", "hello"))
    done = agent.command(*command)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_status_goes_on_telling_of_a_failure_while_the_next_run_waits_or_is_skipped(agent: AgentUnderTest) -> None:
    agent.start()
    agent.command("run", "broken")
    bad = [line for line in agent.command("status").stdout.splitlines() if "broken: run 1" in line]
    assert bad
    with Store(str(agent.state)) as store:
        waiting = replace(store.runs.get(1), state=RunState.PENDING, why="", started=None, ended=None, due=5.0)
        later = store.runs.create(waiting)
        assert later is not None
        assert bad[0] in agent.command("status").stdout.splitlines()
        store.runs.advance(later, RunState.PENDING, RunState.SKIPPED, why=Reason.OVERLAP, ended=6.0)
        assert bad[0] in agent.command("status").stdout.splitlines()


def test_status_without_a_store_says_what_to_do(agent: AgentUnderTest) -> None:
    done = agent.command("status")
    assert done.returncode == ExitCode.STORE
    assert "start the agent" in done.stderr


def test_why_of_a_task_that_is_not_enabled_says_that_alone(agent: AgentUnderTest) -> None:
    agent.policy(
        'version: 1\ntasks:\n  t: {enabled: false, schedule: "@daily", action: command.run, with: {command: [x]}}\n'
    )
    good(agent.command("calendar"))
    with Store(str(agent.state)):
        pass
    answers = json.loads(good(agent.command("why", "t", "--json")))
    assert [(one["about"], one["reason"]) for one in answers] == [("t never falls due", "disabled")]


@pytest.mark.parametrize("under_the_agent", [True, False])
def test_why_explains_a_run_and_a_deleted_and_a_kept_object(agent: AgentUnderTest, under_the_agent: bool) -> None:
    if under_the_agent:
        agent.start()
    good(agent.command("run", "tidy"))
    deleted = json.loads(good(agent.command("why", f"{agent.place}/files/old-1", "--json")))
    assert [(answer["about"], answer["reason"]) for answer in deleted] == [("deleted by run 1", Reason.TOO_OLD)]
    kept = json.loads(good(agent.command("why", f"{agent.place}/files/young", "--json")))
    assert [(answer["about"], answer["reason"]) for answer in kept] == [("is kept by tidy", Reason.YOUNG_ENOUGH)]
    assert "nothing stood in its way" in good(agent.command("why", "1"))
    assert agent.command("why", "nothing").returncode == ExitCode.NOT_FOUND


def test_release_hold_releases_what_is_held_and_only_that(agent: AgentUnderTest) -> None:
    good(agent.command("run", "hello"))
    with Store(str(agent.state)) as store:
        store.holds.place("hello", Reason.BREAKER_OPEN, "it ran 3 times", 1.0)
    done = agent.command("run", "hello")
    assert done.returncode == ExitCode.REFUSED
    assert "hostkeeper release-hold hello" in done.stderr
    good(agent.command("release-hold", "hello"))
    good(agent.command("run", "hello"))
    assert agent.command("release-hold", "hello").returncode == ExitCode.NOT_FOUND


def test_release_hold_of_a_threshold_releases_its_remedies(agent: AgentUnderTest) -> None:
    remedies = ['filling/hello{mountpoint="/"}', 'filling/hello{mountpoint="/home"}']
    with Store(str(agent.state)) as store:
        for name in (*remedies, "filling-up/hello"):
            store.holds.place(name, Reason.DOES_NOT_HELP, "hello did not help 3 times", 1.0)
    assert Reason.DOES_NOT_HELP in good(agent.command("why", remedies[0]))
    assert json.loads(good(agent.command("release-hold", "filling", "--json"))) == {"released": remedies}
    with Store(str(agent.state)) as store:
        assert store.holds.held().keys() == {"filling-up/hello"}


def test_release_hold_makes_no_store(agent: AgentUnderTest) -> None:
    assert agent.command("release-hold", "hello").returncode == ExitCode.STORE
    assert not agent.state.exists()


def test_actions_show_every_option(agent: AgentUnderTest) -> None:
    assert "files.retain" in good(agent.command("actions"))
    assert "max_age" in good(agent.command("actions", "files.retain"))
    assert agent.command("actions", "files.retian").returncode == ExitCode.NOT_FOUND


def test_schema_is_one_that_accepts_the_policy(agent: AgentUnderTest) -> None:
    schema = json.loads(good(agent.command("schema")))
    assert schema["$defs"]["files.retain"]["properties"]["max_age"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_every_command(agent: AgentUnderTest, shell: str) -> None:
    script = good(agent.command("completion", shell))
    assert all(command in script for command in COMMANDS)


def test_completion_for_bash_is_valid(agent: AgentUnderTest) -> None:
    script = good(agent.command("completion", "bash"))
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_unknown_command_is_a_usage_error(agent: AgentUnderTest) -> None:
    assert agent.command("rnu").returncode == ExitCode.USAGE


def test_usage_error_is_data_for_a_reader_of_data(agent: AgentUnderTest) -> None:
    done = agent.command("history", "0", "--json")
    told = json.loads(done.stdout)
    assert (done.returncode, told["code"], told["kind"]) == (ExitCode.USAGE, ExitCode.USAGE, "BadArgument")
    assert "is not a whole number" in told["error"]


@pytest.mark.parametrize("command", [["schema"], ["check"], ["actions", "nothing", "--json"]])
def test_output_to_a_full_disk_is_told_without_a_trace(agent: AgentUnderTest, command: list[str]) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-I", "-m", "agent", *command, *agent.arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "the output cannot be written: No space left on device\n"
    assert done.returncode == ExitCode.UNHEALTHY


@pytest.mark.parametrize("command", [["schema"], ["run", "tidy", "--explain"], ["run", "nobody", "--json"]])
def test_reader_that_leaves_early_gets_no_trace(agent: AgentUnderTest, command: list[str]) -> None:
    pipe = subprocess.Popen(
        [sys.executable, "-I", "-m", "agent", *command, *agent.arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert pipe.stdout is not None
    pipe.stdout.close()
    assert pipe.stderr is not None
    assert pipe.stderr.read() == b""
    pipe.stderr.close()
    pipe.wait()
