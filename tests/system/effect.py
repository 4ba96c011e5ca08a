"""What a task's command does in tests: write a line that can be counted, then whatever the arguments ask for.

    effect.py FILE WORD [--until GATE] [--for SECONDS] [--exit CODE] [--orphans ONCE [--kill run|both]]

It runs as `python -I -S`, so that it costs little more than a C program. The line is `WORD TASK RUN`.
`--orphans` makes it kill its run's process, and its agent as well with `both`, and leave itself and a child that has
left the session behind, once.
"""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time

DEAF_SECONDS = 60


def write(file: str, word: str) -> None:
    """Append one line in one write, so that lines of several processes do not mix."""
    line = f"{word} {os.environ['HOSTKEEPER_TASK']} {os.environ['HOSTKEEPER_RUN_ID']}\n"
    handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(handle, line.encode())
    os.close(handle)


def look_for_orphans(file: str, once: str) -> None:
    """Write that one of them lives, if so: whoever lives holds the lock."""
    try:
        fcntl.flock(os.open(once, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        write(file, "met-an-orphan")


def agent_of(run: int, place: str) -> int:
    """Return the parent of a run's process, which must be the agent of this place."""
    with open(f"/proc/{run}/stat", encoding="utf-8") as file:
        agent = int(file.read().rpartition(")")[2].split()[1])
    with open(f"/proc/{agent}/cmdline", encoding="utf-8") as file:
        if place not in file.read():
            sys.exit(f"process {agent} is no agent of {place}")
    return agent


def leave_orphans(file: str, once: str, kill: str) -> None:
    """Kill the run's process and go on living, deaf to SIGTERM, with a child in a session of its own."""
    try:
        os.mkdir(once)
    except FileExistsError:
        look_for_orphans(file, once)
        return
    fcntl.flock(os.open(once, os.O_RDONLY), fcntl.LOCK_EX)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    run = os.getppid()
    victims = [agent_of(run, os.path.dirname(file)), run] if kill == "both" else [run]
    if os.fork() == 0:
        os.setsid()
    else:
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
    time.sleep(DEAF_SECONDS)


def main(file: str, word: str, *options: str) -> int:
    """Do what the arguments say and return the exit code."""
    asked = dict(zip(options[::2], options[1::2], strict=True))
    write(file, word)
    if "--orphans" in asked:
        leave_orphans(file, asked["--orphans"], asked.get("--kill", "run"))
    while "--until" in asked and not os.path.exists(asked["--until"]):
        time.sleep(0.01)
    time.sleep(float(asked.get("--for", "0")))
    return int(asked.get("--exit", "0"))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
