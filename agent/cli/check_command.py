"""`hostkeeper check`: are these policies good, and if not, every mistake."""

from __future__ import annotations

import argparse
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta, tzinfo
from typing import Any

import msgspec

from agent.cli.output import broken, columns, emit_json
from agent.cli.world import World
from agent.errors import ExitCode
from agent.host.clock import SystemClock
from agent.host.output import visible
from agent.host.secrets import exposure
from agent.model.policies import Limits, PolicySet
from agent.policy.load import uncollected
from agent.policy.scan import SUFFIXES, scan
from agent.registry import remarks_of
from agent.rules.windows import gate, opens_in_gap
from agent.schema import Schemas

LOOK_AHEAD = timedelta(days=400)
"""Every zone that changes its clocks does so within this time."""

SHOWN = 5
"""So many names of what was passed over are shown."""

SECRETS = frozenset({"bearer_token_file", "environment_file", "identity_file", "password_file", "url_file"})
"""The keys of policies that name a file with a secret."""


def main(arguments: argparse.Namespace) -> int:
    """Check the policies and, where there is one, the settings file."""
    with uncollected():
        return _check(arguments)


def _check(arguments: argparse.Namespace) -> int:
    world = World(arguments, policies_from=arguments.directory)
    policies = world.policies()
    world.web()
    counts = {
        "files": policies.files,
        "windows": len(policies.windows),
        "tasks": len(policies.tasks),
        "thresholds": len(policies.thresholds),
        "probes": len(policies.probes),
        "databases": len(policies.databases),
        "repositories": len(policies.repositories),
    }
    warnings = [
        *([] if policies.files else [nothing_checked(world.directory)]),
        *gap_warnings(policies, world.zone),
        *limit_warnings(policies),
        *secret_warnings(policies),
        *remarks(policies),
    ]
    if arguments.json:
        emit_json({"valid": True, "digest": policies.digest, **counts, "warnings": warnings})
    else:
        told = f"good: {', '.join(f'{number} {what}' for what, number in counts.items())}; {policies.digest[:12]}"
        within = columns()
        lines = [part for line in warnings for part in broken(line, within, hanging="  ")]
        print("\n".join([*lines, *broken(told, within, hanging="  ")]))
    return ExitCode.OK


def nothing_checked(directory: str) -> str:
    """Given a directory without policies, say so, and what in it was passed over: it may be the wrong one."""
    passed_over = scan(directory).ignored
    told = f"; passed over: {', '.join(passed_over[:SHOWN])}" if passed_over else ""
    more = f" and {len(passed_over) - SHOWN} more" if len(passed_over) > SHOWN else ""
    return visible(
        f"{directory}:0:0: warning: there is no policy in it{told}{more}: "
        f"policies are files right in the directory, named {' or '.join(f'*{suffix}' for suffix in SUFFIXES)}"
    )


def remarks(policies: PolicySet) -> list[str]:
    """Given a policy set, say what a look at this host says of its tasks that is no mistake."""
    return [
        visible(f"{task.position.file}:{task.position.line}:{task.position.column}: tasks.{task.name}: {text}")
        for task in policies.tasks.values()
        for text in remarks_of(task.action, msgspec.json.decode(task.options))
    ]


def limit_warnings(policies: PolicySet) -> list[str]:
    """Given a policy set, say which tasks have limits that their actions do not heed."""
    schemas = Schemas()
    return [
        visible(
            f"{task.position.file}:{task.position.line}:{task.position.column}: tasks.{task.name}.limits: warning: "
            f"{task.action} cannot count what it touches, and heeds no limits: leave them out"
        )
        for task in policies.tasks.values()
        if task.limits != Limits() and not schemas.action(task.action).get("x-limits")
    ]


def secret_warnings(policies: PolicySet) -> list[str]:
    """Given a policy set, say which files with secrets of it others can reach on this host; it reads none of them."""
    found = []
    for section in ("databases", "repositories", "probes", "notifiers"):
        for one in getattr(policies, section).values():
            at = one.position
            for key, path in _secrets(one.settings):
                with suppress(OSError):
                    about = os.stat(path)
                    wrong = exposure(about) if stat.S_ISREG(about.st_mode) else ""
                    where = f"{at.file}:{at.line}:{at.column}: {section}.{one.name}.{key}"
                    found += [visible(f"{where}: warning: {path} {wrong}")] if wrong else []
    return found


def _secrets(settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield keys of files with secrets, and the paths given for them."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _secrets(value)
        elif key in SECRETS and value:
            yield key, value


def gap_warnings(policies: PolicySet, local: tzinfo) -> list[str]:
    """Given a policy set and the host's own zone, say which windows open late, or not, when clocks go forward."""
    start = SystemClock().now()
    found = []
    for window in policies.windows.values():
        ready = gate(window, local)
        gap = opens_in_gap(ready, start, start + LOOK_AHEAD)
        if gap is not None:
            at = window.position
            found.append(
                f"{at.file}:{at.line}:{at.column}: windows.{window.name}: warning: clocks skip its opening time at "
                f"{gap.astimezone(ready.zone):%Y-%m-%d %H:%M}; it opens then: choose another time if that matters"
            )
    return found
