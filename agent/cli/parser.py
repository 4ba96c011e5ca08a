"""The arguments of every command, as one table of functions; nothing here imports what the commands need."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable
from typing import Any, NoReturn

from agent import __version__
from agent.cli.help import Help
from agent.errors import BadArgument

DEFAULT_POLICIES = "/etc/hostkeeper/policies.d"
DEFAULT_STATE = "/var/lib/hostkeeper"
DEFAULT_CONFIG = "/etc/hostkeeper/agent.yaml"

FAR_DAYS = 3660
"""How far ahead the calendar looks at most: ten years."""

MANY = 2**63 - 1
"""The greatest number that the store can count to."""

VERIFY = "verify"
"""What `hostkeeper history` is given instead of a run."""


class Parser(argparse.ArgumentParser):
    """A parser that leaves it to its caller how a mistake is told."""

    def __init__(self, **options: Any) -> None:
        super().__init__(formatter_class=Help, **options)

    def error(self, message: str) -> NoReturn:
        """Given what is wrong, raise BadArgument with the usage."""
        raise BadArgument(f"{self.format_usage()}{self.prog}: {message}")


Adder = Callable[[argparse.ArgumentParser], None]


def _number(least: int, most: int) -> Callable[[str], int]:
    """Return a reader of whole numbers in a range, whose refusals argparse words."""

    def read(text: str) -> int:
        number = whole_number(text, most)
        if number is None or number < least:
            raise argparse.ArgumentTypeError(f"{text[:80]!r} is not a whole number from {least} to {most}")
        return number

    return read


def whole_number(text: str, most: int = MANY) -> int | None:
    """Given text, return the whole number that it is; None if it is none, or one greater than `most`."""
    if not text.isascii() or not text.isdigit():
        return None
    # Python refuses to convert very long ones.
    number = int(text.lstrip("0")[:20] or "0")
    return number if number <= most else None


def _of(module: str, function: str = "add") -> Adder:
    """Return what adds the arguments that a module of their own describes, which is imported when they are added."""

    def add(parser: argparse.ArgumentParser) -> None:
        getattr(importlib.import_module(f"agent.cli.{module}"), function)(parser)

    return add


def _nothing(_parser: argparse.ArgumentParser) -> None:
    """A command without arguments of its own."""


def _agent(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tell", action="store_true", help="say on one screen what the agent does and where to look")


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("directory", nargs="?", metavar="DIR", help="the policies to check instead of --policies")


def _run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK")
    parser.add_argument(
        "--dry-run", action="store_true", help="show what would be done, in a process that cannot write"
    )
    parser.add_argument("--explain", action="store_true", help="the same, with why each object is kept or deleted")
    parser.add_argument(
        "--ignore-needs", action="store_true", help="run although what the task needs has not succeeded"
    )


def _plan(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the plan to a file for `hostkeeper apply`")
    parser.add_argument("--explain", action="store_true", help="print why each object would be kept or deleted")


def _apply(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="a plan written by `hostkeeper plan -o FILE`")


def _calendar(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--days", type=_number(1, FAR_DAYS), default=7, metavar="N", help="days ahead (default: 7)")
    parser.add_argument("--task", metavar="TASK", help="only this task")


def _history(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "run",
        nargs="?",
        type=_run_or_verify,
        metavar="RUN|verify",
        help="show this run with its steps, or verify that the history is what was written",
    )
    parser.add_argument("--task", metavar="TASK", help="only this task")
    parser.add_argument("--limit", type=_number(1, MANY), default=20, metavar="N", help="most runs (default: 20)")
    parser.add_argument("--log", action="store_true", help="show what the journal has of this run as well")
    parser.add_argument(
        "--head",
        type=_head,
        action="append",
        default=[],
        metavar="SEQ:HASH",
        help="verify: a head of the history that you know of: the first 12 digits of its hash are enough, and so is "
        "`metric:` and the number of hostkeeper_history_head",
    )
    parser.add_argument(
        "--journal",
        nargs="?",
        const="hostkeeper.service",
        metavar="UNIT",
        help="verify: compare with the heads that the journal has of the agent's unit (hostkeeper.service)",
    )


def _run_or_verify(text: str) -> int | str:
    return text if text == VERIFY else _number(1, MANY)(text)


def _head(text: str) -> tuple[int, str]:
    seq, _, made = text.partition(":")
    if made.startswith("metric:"):
        made = f"{_number(0, 2**48 - 1)(made.removeprefix('metric:')):012x}"
    made = made.removeprefix("sha256:").lower()
    if not 12 <= len(made) <= 64 or made.strip("0123456789abcdef"):
        raise argparse.ArgumentTypeError(f"{text[:80]!r} is not SEQ:HASH with 12 to 64 hexadecimal digits")
    return _number(1, MANY)(seq), made


def _why(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("subject", metavar="TASK|RUN|OBJECT", help="a task, the number of a run, or the path of a file")


def _actions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", metavar="ACTION", help="show the full reference of this action")


def _undo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", type=_number(1, MANY), metavar="RUN", help="the number of the run, as `history` has it")


def _release(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the task, the threshold or the remedy that is held")


def _reload(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--timeout",
        type=_number(1, 3600),
        default=60,
        metavar="SECONDS",
        help="how long to wait until the agent has decided (default: 60)",
    )


def _sandbox(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task", metavar="TASK", help="the task")


def _report(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since",
        default="30d",
        metavar="WHEN",
        help="how long ago, such as 30d, or a date such as 2026-03-01; whole days from two days on (default: 30d)",
    )
    parser.add_argument("--until", metavar="WHEN", help="the same for its end (default: now)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write the page to a file instead of standard output")
    parser.add_argument("--png", metavar="FILE", help="draw the curves of what fills up to a file (PNG) as well")
    parser.add_argument(
        "--journal",
        nargs="?",
        const="hostkeeper.service",
        metavar="UNIT",
        help="verify the history against the heads in the journal too (of hostkeeper.service)",
    )


def _findings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("finding", nargs="?", metavar="FINDING", help="show this one whole, with what it stands on")
    parser.add_argument("--task", metavar="TASK", help="only those of this task")
    parser.add_argument("--forget", metavar="FINDING", help="forget one that was dealt with")


def _diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "directories",
        nargs="*",
        metavar="DIR",
        help="old and new policies; with one, what is in force is the old; with none, --policies is the new",
    )
    parser.add_argument(
        "--days", type=_number(1, 366), default=30, metavar="N", help="how many days ahead runs are compared (30)"
    )
    _span(parser)


def _selftest(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("threshold", nargs="*", metavar="THRESHOLD", help="only these thresholds (default: all)")
    parser.add_argument(
        "--no-send", action="store_true", help="send no test messages; what has a notifier then does not pass"
    )


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("threshold", nargs="*", metavar="THRESHOLD", help="only these thresholds (default: all)")
    _span(parser)
    parser.add_argument(
        "--prometheus", metavar="URL", help="judge what this Prometheus server has, not the agent's own samples"
    )
    parser.add_argument(
        "--instance", metavar="HOST:PORT", help="the label `instance` under which it scrapes this agent"
    )


def _span(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--since", default="7d", metavar="WHEN", help="how long ago, such as 7d, or a date (default: 7d)"
    )
    parser.add_argument("--until", metavar="WHEN", help="the same for its end (default: now)")


def _completion(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=["bash", "zsh", "fish", "tcsh"])


COMMANDS: dict[str, tuple[str, Adder]] = {
    "agent": ("be the agent: watch the policies, decide, start runs, serve metrics", _agent),
    "check": ("check policies and name every mistake", _check),
    "run": ("run a task at once, whether or not the agent is up", _run),
    "plan": ("show what a run would do, step by step, without touching anything", _plan),
    "apply": ("do exactly what a plan shows, or refuse when the host has changed", _apply),
    "backup": ("look at backups, bring back from them, prove them", _of("backup_arguments")),
    "incident": ("look at incidents, note, acknowledge, work through the runbook, close", _of("incident_arguments")),
    "findings": ("list what audits and analyses say about this host, the worst first", _findings),
    "calendar": ("show what will run when, and what holds it back", _calendar),
    "sandbox": ("show what a run of a task may do: its box, and the properties of its unit", _sandbox),
    "status": ("is it healthy, what ran, what failed and why, what is next", _nothing),
    "history": ("list the runs, or show one with its steps", _history),
    "report": ("write a page that says what ran, what failed or was skipped and why, and what comes", _report),
    "capacity": ("show what will be full and when, as a table and as curves", _of("sample_arguments", "capacity")),
    "signals": ("show what was measured, as a table and as curves", _of("sample_arguments", "signals")),
    "notify": ("list who is told, send a test, show what waits to be told", _of("notify_arguments")),
    "diff": ("say what a change of policies changes: runs, what is deleted, what would have fired", _diff),
    "selftest": ("inject the failure of each threshold into a sandbox, and see everything answer", _selftest),
    "replay": ("show when thresholds would have fired over recorded signals, and how often they would act", _replay),
    "why": ("say why a task, a run or an object is as it is", _why),
    "tasks": ("list the tasks in force", _nothing),
    "schema": ("print the JSON Schema of a policy, for editors", _nothing),
    "actions": ("list the actions, or show the full reference of one", _actions),
    "reload": ("have the running agent look at its policies at once, and wait for what comes of it", _reload),
    "undo": ("take an interrupted run back instead of going on with it", _undo),
    "release-hold": ("let a task or threshold that was held act again", _release),
    "completion": ("print a completion script for a shell", _completion),
}


def get_parser(only: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of the whole command line, or, in a fraction of the time, that of one command alone."""
    common = Parser(add_help=False)
    common.add_argument("--policies", default=DEFAULT_POLICIES, metavar="DIR", help=f"default: {DEFAULT_POLICIES}")
    common.add_argument("--state", default=DEFAULT_STATE, metavar="DIR", help=f"default: {DEFAULT_STATE}")
    common.add_argument("--config", default=DEFAULT_CONFIG, metavar="FILE", help=f"default: {DEFAULT_CONFIG}")
    common.add_argument("--json", action="store_true", help="print data instead of text")
    parser = Parser(
        prog="hostkeeper",
        description="Declarative maintenance for Linux hosts.",
        epilog="Exit codes: 0 done, 1 bug, 2 usage, 3 policy, 4 run failed, 5 refused, 6 store, 7 already running, "
        "8 not found, 9 unhealthy, 10 history altered, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"hostkeeper {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (summary, add) in COMMANDS.items() if only is None else [(only, COMMANDS[only])]:
        add(
            commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", parents=[common])
        )
    return parser
