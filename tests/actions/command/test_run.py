"""`command.run`, with fakes for its judgement and with real commands for its effect."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from agent.actions.command.run import ACTION, Options
from agent.errors import RunFailed
from agent.host.processes import SystemProcesses
from agent.model.actions import OnInterrupt, Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.ports import Command, Completed, Context, StopRequested
from tests.fakes import FakeProcesses, Stop, context

OWN = pwd.getpwuid(os.geteuid())


def options(*command: str, **changes: object) -> Options:
    fields: dict[str, object] = {
        "command": list(command),
        "user": None,
        "environment": {},
        "directory": "/",
        "timeout": None,
        "grace": 5.0,
        "output_limit": 65536,
        "success_codes": [0],
        "skip_codes": [],
        "undo": None,
        "repeatable": False,
        "credentials": [],
        "writable": [],
        "network": False,
        "services": False,
        "devices": False,
        "capabilities": [],
        "privileged": False,
    }
    return Options(**(fields | changes))  # type: ignore[arg-type]  # a table of fields


def step(given: Options, within: Context | None = None) -> Step:
    (only,) = ACTION.plan(given, within or context())
    return only


def answering(completed: Completed) -> Context:
    return context(processes=FakeProcesses(answers={("tool",): completed}))


def really() -> Context:
    return structs.replace(context(), processes=SystemProcesses())


def preview(given: Options) -> Preview:
    return step(given).preview(lambda _: None)


def test_do_success_reports_facts_and_output() -> None:
    outcome = step(options("tool"), answering(Completed(0, "fine\n", 5, False, 1.25))).do()
    assert outcome == Outcome(facts={"exit_code": 0, "seconds": 1.25, "output_bytes": 5}, output="fine\n")


@pytest.mark.parametrize(
    ("code", "changes", "skipped"),
    [
        (0, {}, None),
        (3, {"success_codes": [0, 3]}, None),
        (75, {"skip_codes": [75]}, Reason.COMMAND_SAYS_SKIP),
        (0, {"skip_codes": [0]}, Reason.COMMAND_SAYS_SKIP),
    ],
)
def test_do_codes_of_success_and_skip(code: int, changes: dict[str, object], skipped: Reason | None) -> None:
    outcome = step(options("tool", **changes), answering(Completed(code, "", 0, False, 1.0))).do()
    assert outcome.skipped is skipped
    assert outcome.facts["exit_code"] == code


@pytest.mark.parametrize(
    ("completed", "sentence"),
    [
        (
            Completed(2, "a\nb\nc\nd\ne\nf\n", 12, False, 1.0),
            "the command exited with code 2; its last words:\nb\nc\nd\ne\nf",
        ),
        (Completed(75, "", 0, False, 1.0), "the command exited with code 75, and printed nothing"),
        (Completed(-9, "", 0, False, 1.0), "was killed by signal SIGKILL"),
        (Completed(-99, "", 0, False, 1.0), "was killed by signal 99"),
        (Completed(0, "", 0, True, 60.0), "took longer than its timeout of 60 s and was ended"),
        (Completed(-15, "", 0, True, 60.0), "took longer than its timeout of 60 s and was ended"),
        (Completed(0, "", 0, False, 1.0, survivors=(7, 8)), "left processes that could not be ended (7, 8)"),
        (Completed(0, "", 0, False, 1.0, stopped=True), "was told to stop"),
    ],
)
def test_do_failure_says_how_and_the_last_words(completed: Completed, sentence: str) -> None:
    with pytest.raises(RunFailed) as raised:
        step(options("tool", timeout=60.0), answering(completed)).do()
    assert sentence in str(raised.value)


def test_do_last_words_are_bounded() -> None:
    with pytest.raises(RunFailed) as raised:
        step(options("tool"), answering(Completed(1, "x" * 100_000, 100_000, False, 1.0))).do()
    assert len(str(raised.value)) < 2200


def test_do_stopped_is_an_interruption_whatever_the_code() -> None:
    stop = Stop(raised=True)
    answers: dict[tuple[str, ...], Completed] = {("tool",): Completed(0, "", 0, False, 1.0, stopped=True)}
    with pytest.raises(StopRequested):
        step(options("tool"), context(processes=FakeProcesses(answers=answers), stop=stop)).do()


def test_do_gives_the_command_a_clean_environment() -> None:
    processes = FakeProcesses()
    given = options(
        "tool", "-x", environment={"LANG": "de_DE.UTF-8", "MODE": "quick"}, directory="/tmp", user=OWN.pw_name
    )
    step(given, context(processes=processes)).do()
    assert processes.ran == [
        Command(
            argv=("tool", "-x"),
            user=OWN.pw_name,
            environment={
                "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME": OWN.pw_dir,
                "USER": OWN.pw_name,
                "LOGNAME": OWN.pw_name,
                "SHELL": "/bin/sh",
                "LANG": "de_DE.UTF-8",
                "MODE": "quick",
                "HOSTKEEPER_TASK": "task",
                "HOSTKEEPER_RUN_ID": "1",
            },
            directory="/tmp",
            timeout=float("inf"),
            grace=5.0,
            output_limit=65536,
        )
    ]


def test_plan_for_an_unknown_user_is_refused() -> None:
    with pytest.raises(RunFailed, match="there is no user 'no-such-user'"):
        step(options("tool", user="no-such-user"))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, OnInterrupt.ASK),
        ({"repeatable": True}, OnInterrupt.RESUME),
        ({"undo": ["back"]}, OnInterrupt.UNDO),
        ({"undo": ["back"], "repeatable": True}, OnInterrupt.UNDO),
    ],
)
def test_on_interrupt_follows_the_options(changes: dict[str, object], expected: OnInterrupt) -> None:
    assert ACTION.on_interrupt(options("tool", **changes)) is expected


def test_undo_runs_its_command_and_fails_when_that_fails() -> None:
    processes = FakeProcesses()
    undo = step(options("tool", undo=["back", "up"]), context(processes=processes)).undo
    assert undo is not None
    undo()
    assert [command.argv for command in processes.ran] == [("back", "up")]
    processes.answers[("back", "up")] = Completed(1, "cannot\n", 7, False, 1.0)
    with pytest.raises(RunFailed, match="the undo command exited with code 1; its last words:\ncannot"):
        undo()


def test_without_undo_the_step_says_why_it_is_irreversible() -> None:
    only = step(options("tool"))
    assert only.undo is None
    assert only.irreversible


def test_preview_shows_what_would_run_and_runs_nothing(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\ntouch ran\n")
    tool.chmod(0o755)
    shown = preview(
        options("./tool", "an argument", "\x1b[2J", directory=str(tmp_path), environment={"SECRET": "s3cret"})
    )
    assert shown.summary == f"run ./tool 'an argument' '\\x1b[2J' as {OWN.pw_name} in {tmp_path}"
    assert shown.facts["program"] == f"{tmp_path}/./tool"
    assert shown.facts["problem"] == ""
    assert shown.facts["environment"] == "SECRET"
    assert "s3cret" not in f"{shown}"
    assert [path.name for path in tmp_path.iterdir()] == ["tool"]


def test_preview_of_what_cannot_run_says_so(tmp_path: Path) -> None:
    shown = preview(options("no-such-tool"))
    assert "which would fail: there is no program no-such-tool on PATH" in shown.summary
    assert "is not executable" in str(preview(options("/etc/passwd")).facts["problem"])


def replace(tool: Path) -> None:
    tool.write_text("#!/bin/sh\nexit 1\n")


def touch(tool: Path) -> None:
    os.utime(tool, (1, 1))


@pytest.mark.parametrize("change", [replace, touch, Path.unlink, lambda tool: tool.chmod(0o644)])
def test_fingerprint_changes_with_the_program(tmp_path: Path, change: Callable[[Path], None]) -> None:
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    given = options(str(tool))
    before = preview(given).fingerprint
    assert preview(given).fingerprint == before
    change(tool)
    assert preview(given).fingerprint != before


@pytest.mark.parametrize("field", Options.__struct_fields__)
def test_fingerprint_changes_with_every_option(field: str) -> None:
    given = options("true", timeout=5.0)
    value = getattr(given, field)
    others: dict[type, object] = {list: ["false"], dict: {"A": "b"}, str: "/tmp", float: 9.0, int: 7, bool: True}
    other = OWN.pw_name if field == "user" else ["back"] if field == "undo" else others[type(value)]
    changed = options("true", **{"timeout": 5.0, field: other})
    assert preview(changed).fingerprint != preview(given).fingerprint


def test_do_a_real_command_in_its_surroundings(tmp_path: Path) -> None:
    code = "import json, os; print(json.dumps([os.getcwd(), dict(os.environ)]))"
    given = options("/usr/bin/env", "python3", "-c", code, directory=str(tmp_path), environment={"MODE": "quick"})
    outcome = step(given, really()).do()
    directory, environment = json.loads(outcome.output)
    assert directory == str(tmp_path)
    assert (environment["MODE"], environment["HOME"]) == ("quick", OWN.pw_dir)
    assert (environment["HOSTKEEPER_TASK"], environment["HOSTKEEPER_RUN_ID"]) == ("task", "1")
    assert outcome.facts["exit_code"] == 0


def test_do_a_real_command_with_shell_signs_passes_them_on() -> None:
    outcome = step(options("echo", "$HOME", "*", "; reboot", "`id`"), really()).do()
    assert outcome.output == "$HOME * ; reboot `id`\n"


def test_do_a_real_command_past_its_timeout_fails() -> None:
    with pytest.raises(RunFailed, match=r"took longer than its timeout of 0\.2 s"):
        step(options("sleep", "1000", timeout=0.2, grace=0.2), really()).do()


def test_do_a_real_command_told_to_stop_is_interrupted(tmp_path: Path) -> None:
    begun = tmp_path / "begun"

    def checkpoint() -> None:
        if begun.exists():
            raise StopRequested

    within = structs.replace(really(), stopping=begun.exists, checkpoint=checkpoint)
    with pytest.raises(StopRequested):
        step(options("sh", "-c", f"touch {begun}; trap 'exit 0' TERM; sleep 1000 & wait"), within).do()
