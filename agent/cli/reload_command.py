"""`hostkeeper reload`: ask the running agent to look at its policies at once, and wait for what comes of it."""

from __future__ import annotations

import argparse
import signal

from agent.cli.output import emit_json, harmless
from agent.cli.world import World
from agent.engine.in_force import settings_outdated
from agent.engine.picture import daemon_process
from agent.engine.reload import Answer, answered, ask
from agent.errors import AgentError, ExitCode, NotFound
from agent.host import proc
from agent.host.clock import SystemClock
from agent.schema import Schemas
from agent.store import Store

LOOK_SECONDS = 0.02
NO_AGENT = "no agent runs on the state directory {}: start it (systemctl start hostkeeper), or name another --state"


class NoAnswer(AgentError):
    """The agent lives and has not decided in time, or has ended."""

    code = ExitCode.UNHEALTHY


def main(arguments: argparse.Namespace) -> int:
    """Print what came of it; the exit code says whether the policies, as the files are, are in force."""
    seen = World(arguments).store_if_any()
    if seen is None:
        raise NotFound(NO_AGENT.format(arguments.state))
    with seen:
        process = daemon_process(seen)
    if process is None:
        raise NotFound(NO_AGENT.format(arguments.state))
    with Store(arguments.state, ballast_bytes=0) as store:
        number = ask(store)
        proc.send(process, signal.SIGHUP)
        told = _wait(store, number, process, arguments.timeout)
        outdated = settings_outdated(store, arguments.config, Schemas().fingerprint())
    if arguments.json:
        emit_json({"answer": told, "settings_outdated": outdated})
    else:
        print("\n".join(_lines(told)))
        if outdated:
            print(f"{arguments.config} is not what the agent was started with; it is read at a start alone: restart it")
    return ExitCode.OK if told.valid else ExitCode.POLICY


def _wait(store: Store, number: int, process: proc.Process, seconds: float) -> Answer:
    clock = SystemClock()
    end = clock.monotonic() + seconds
    while clock.monotonic() < end:
        told = answered(store, number)
        if told is not None:
            return told
        if proc.same(process.pid, process.started) is None:
            raise NoAnswer(f"the agent (process {process.pid}) ended before it had reloaded; its log says why")
        clock.sleep(LOOK_SECONDS)
    raise NoAnswer(
        f"the agent (process {process.pid}) has not reloaded within {seconds:g} s; it will, unless it hangs: "
        "see hostkeeper status"
    )


def _lines(told: Answer) -> list[str]:
    if told.valid:
        state = "in force" if told.changed else "in force, as before"
        return [f"policies {told.digest[:12]} are {state}: {told.files} files, {told.tasks} tasks"]
    mistakes = [harmless(mistake) for mistake in told.mistakes]
    more = [f"and {told.more} mistakes more, which `hostkeeper check` names"] if told.more else []
    kept = f"policies {told.digest[:12]} stay in force" if told.files else "no policies are in force"
    return [*mistakes, *more, f"refused; {kept}"]
