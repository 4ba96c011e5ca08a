"""Processes that are killed, stopped, started twice, or run out of descriptors."""

from __future__ import annotations

import os
import random
import resource
import signal
import time
from contextlib import suppress

from agent.errors import ExitCode
from agent.host import proc
from tests.system.soak.faults.fault import Fault
from tests.system.soak.world import SoakWorld


def kill_daemon(world: SoakWorld, _chance: random.Random) -> str:
    world.kill_daemon()
    return ""


def kill_daemon_for_a_while(world: SoakWorld, chance: random.Random) -> str:
    world.kill_daemon()
    seconds = chance.uniform(2, 8)
    world.live_for(seconds)
    return f"{seconds:.1f} s"


def kill_everybody(world: SoakWorld, _chance: random.Random) -> str:
    count = len(world.processes())
    world.kill_daemon()
    world.kill_runs()
    return f"and {count} processes of runs"


def kill_starting_daemon(world: SoakWorld, chance: random.Random) -> str:
    world.kill_daemon()
    after = [chance.uniform(0, 0.4) for _ in range(chance.randint(1, 3))]
    for seconds in after:
        world.begin_to_start()
        time.sleep(seconds)
        world.kill_daemon()
    return ", ".join(f"{seconds * 1000:.0f} ms" for seconds in after) + " after its start"


def kill_run(world: SoakWorld, chance: random.Random) -> str:
    """Kill the process of a run, which the daemon started, or any process below it."""
    found = sorted(world.processes())
    if not found:
        return "nobody"
    victim = chance.choice(found)
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    return f"process {victim}"


def kill_all_runs(world: SoakWorld, _chance: random.Random) -> str:
    count = len(world.processes())
    world.kill_runs()
    return f"{count} processes"


def stop_and_start(world: SoakWorld, _chance: random.Random) -> str:
    world.stop()
    return ""


def halt_daemon(world: SoakWorld, chance: random.Random) -> str:
    assert world.agent.process is not None
    seconds = chance.uniform(0.5, 6)
    world.agent.process.send_signal(signal.SIGSTOP)
    world.live_for(seconds)
    world.agent.process.send_signal(signal.SIGCONT)
    return f"{seconds:.1f} s"


def suspend(world: SoakWorld, chance: random.Random) -> str:
    """Everybody stands still, as when the host is suspended."""
    assert world.agent.process is not None
    halted = [world.agent.process.pid]
    os.kill(halted[0], signal.SIGSTOP)
    for pid in world.processes():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            halted.append(pid)
    seconds = chance.uniform(1, 8)
    world.live_for(seconds)
    for pid in reversed(halted):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
    return f"{len(halted)} processes, {seconds:.1f} s"


def second_agent(world: SoakWorld, _chance: random.Random) -> str:
    code = world.finish(world.command_line("agent"))
    assert code == ExitCode.ALREADY_RUNNING, f"a second agent ended with {code}"
    return ""


def run_by_hand(world: SoakWorld, _chance: random.Random) -> str:
    code = world.finish(world.command_line("run", "errand"))
    assert code == ExitCode.OK, f"a run by hand ended with {code}"
    return ""


def kill_command_line(world: SoakWorld, chance: random.Random) -> str:
    command = world.command_line("run", "errand")
    seconds = chance.uniform(0.1, 1.2)
    world.live_for(seconds)
    command.kill()
    world.finish(command)
    return f"after {seconds:.1f} s"


def starve_of_descriptors(world: SoakWorld, chance: random.Random) -> str:
    assert world.agent.process is not None
    pid = world.agent.process.pid
    former = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    open_now = len(proc_files(pid))
    limit = open_now + chance.randint(0, 4)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit, former[1]))
    seconds = chance.uniform(2, 6)
    world.live_for(seconds)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, former)
    return f"{limit} allowed, {open_now} open, {seconds:.1f} s"


def proc_files(pid: int) -> list[str]:
    return os.listdir(f"/proc/{pid}/fd") if proc.look(pid) else []


FAULTS = (
    Fault("kill the daemon", kill_daemon, ends=True),
    Fault("kill the daemon for a while", kill_daemon_for_a_while, ends=True),
    Fault("kill the daemon and all runs", kill_everybody, ends=True),
    Fault("kill the daemon as it starts", kill_starting_daemon, ends=True),
    Fault("stop the daemon in order", stop_and_start, ends=True),
    Fault("kill a process of a run", kill_run),
    Fault("kill all runs", kill_all_runs),
    Fault("halt the daemon", halt_daemon),
    Fault("suspend everybody", suspend),
    Fault("start a second agent", second_agent),
    Fault("run a task by hand", run_by_hand),
    Fault("kill a run by hand", kill_command_line),
    Fault("take the descriptors away", starve_of_descriptors),
)
