"""`command.run`: run a program with arguments, as a given user, within limits, and judge it by its exit code."""

from __future__ import annotations

import json
import math
import os
import shlex
import signal
from collections.abc import Mapping, Sequence

from msgspec import Struct

from agent.actions.command import _box
from agent.digests import sha256
from agent.errors import RunFailed
from agent.host.output import visible
from agent.host.programs import Program, find
from agent.host.users import Account, account
from agent.model.actions import Action, Explain, Fact, OnInterrupt, Outcome, Preview, Step
from agent.model.reasons import Reason
from agent.ports import Command, Completed, Context

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LAST_LINES = 5
_LAST_CHARACTERS = 2000


class Options(Struct, frozen=True, kw_only=True):
    """The options of `command.run`; its schema describes them. Durations are seconds, sizes bytes."""

    command: Sequence[str]
    user: str | None
    environment: Mapping[str, str]
    directory: str
    timeout: float | None
    grace: float
    output_limit: int
    success_codes: Sequence[int]
    skip_codes: Sequence[int]
    undo: Sequence[str] | None
    repeatable: bool
    credentials: Sequence[str]
    writable: Sequence[str]
    network: bool
    services: bool
    devices: bool
    capabilities: Sequence[str]
    privileged: bool


def plan(options: Options, context: Context) -> tuple[Step, ...]:
    """Given options and context, return the one step that runs the command. Raises RunFailed for an unknown user."""
    who = account(options.user)
    undo = options.undo

    def take_back() -> None:
        assert undo is not None
        completed = context.processes.run(_command(undo, options, who, context), lambda: False)
        if completed.code != 0 or completed.timed_out or completed.survivors:
            raise RunFailed(_sentence("the undo command", completed, options))

    return (
        Step(
            name="run",
            do=lambda: _run(options, who, context),
            preview=lambda explain: _preview(options, who, context, explain),
            undo=take_back if undo is not None else None,
            irreversible="" if undo is not None else "only the policy's author knows how to take a command back",
        ),
    )


def _run(options: Options, who: Account, context: Context) -> Outcome:
    command = _command(options.command, options, who, context)
    completed = context.processes.run(command, context.stopping)
    if completed.stopped:
        # What a command did until it was told to end says nothing about its work, whatever its exit code.
        context.checkpoint()
    failed = completed.stopped or completed.timed_out or completed.survivors
    if not failed and completed.code in options.skip_codes:
        return Outcome(facts=_facts(completed), output=completed.output, skipped=Reason.COMMAND_SAYS_SKIP)
    if failed or completed.code not in options.success_codes:
        raise RunFailed(_sentence("the command", completed, options))
    return Outcome(facts=_facts(completed), output=completed.output)


def _facts(completed: Completed) -> dict[str, Fact]:
    return {
        "exit_code": completed.code,
        "seconds": round(completed.seconds, 3),
        "output_bytes": completed.output_bytes,
    }


def _command(argv: Sequence[str], options: Options, who: Account, context: Context) -> Command:
    return Command(
        argv=tuple(argv),
        user=options.user,
        environment={
            **_environment(options, who),
            "HOSTKEEPER_TASK": context.task,
            "HOSTKEEPER_RUN_ID": str(context.run),
        },
        directory=options.directory,
        timeout=math.inf if options.timeout is None else options.timeout,
        grace=options.grace,
        output_limit=options.output_limit,
        credentials=tuple(options.credentials),
    )


def _environment(options: Options, who: Account) -> dict[str, str]:
    return {
        "PATH": _PATH,
        "HOME": who.home,
        "USER": who.name,
        "LOGNAME": who.name,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        **options.environment,
    }


def _sentence(what: str, completed: Completed, options: Options) -> str:
    if completed.survivors:
        pids = ", ".join(map(str, completed.survivors))
        end = f"left processes that could not be ended ({pids}); they hang in the kernel or belong to another user"
    elif completed.timed_out:
        end = f"took longer than its timeout of {options.timeout or 0:g} s and was ended"
    elif completed.stopped:
        end = "was told to stop"
    elif completed.code < 0:
        end = f"was killed by signal {_signal_name(-completed.code)}"
    else:
        end = f"exited with code {completed.code}"
    last = "\n".join(completed.output.rstrip().splitlines()[-_LAST_LINES:])[-_LAST_CHARACTERS:]
    return f"{what} {end}" + (f"; its last words:\n{last}" if last else ", and printed nothing")


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _preview(options: Options, who: Account, context: Context, _explain: Explain) -> Preview:
    program = find(options.command[0], _environment(options, who)["PATH"], options.directory, who)
    line = visible(shlex.join(options.command))
    summary = f"run {line} as {who.name} in {visible(options.directory)}"
    if program.problem:
        summary += f", which would fail: {program.problem}"
    facts: dict[str, Fact] = {
        "command": line,
        "program": visible(program.path),
        "problem": program.problem,
        "user": who.name,
        "directory": visible(options.directory),
        "environment": " ".join(sorted(options.environment)),
        "credentials": " ".join(options.credentials),
        "undo": visible(shlex.join(options.undo)) if options.undo is not None else "",
    }
    return Preview(summary, facts, _fingerprint(options, context, program))


def _fingerprint(options: Options, context: Context, program: Program) -> str:
    body = {
        "task": context.task,
        "options": {name: getattr(options, name) for name in Options.__struct_fields__},
        "program": [program.path, program.size, program.modified, program.problem],
    }
    text = json.dumps(body, sort_keys=True, default=dict)
    return sha256(os.fsencode(text)).hexdigest()


def _on_interrupt(options: Options) -> OnInterrupt:
    if options.undo is not None:
        return OnInterrupt.UNDO
    return OnInterrupt.RESUME if options.repeatable else OnInterrupt.ASK


ACTION = Action(
    summary="Run a program with arguments, as a given user, within limits",
    options=Options,
    plan=plan,
    on_interrupt=_on_interrupt,
    box=_box.run,
)
