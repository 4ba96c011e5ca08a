"""What must hold after each fault while work goes on, and what must hold once everything has come to its end."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agent.host import proc
from agent.host.run_process import MARKER
from agent.model.runs import StepState
from tests.system import oracle
from tests.system.evidence import digest_of
from tests.system.soak import duties, vitals
from tests.system.soak.world import SoakWorld

CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
HANDLED_WITHIN = 20.0
"""Seconds within which an agent that is well has handled every due time."""

IN_FORCE_WITHIN = 10.0
CLEARED_WITHIN = 10.0
"""Seconds within which nothing is left of a run that has ended."""

EXCUSED = re.compile(
    r"StoreError: .*(the disk is full|database is locked|readonly database|disk I/O error|unable to open)"
    r"|OSError: \[Errno \d+\] (No space left|Read-only file system|Too many open files|Input/output error)"
    r"|RunFailed: cannot start the process of run .*: (No space left|Too many open files|Read-only file system)"
)
"""How an error in the agent may end that a fault of the host has made."""


def hold_now(world: SoakWorld, canary: str, *, thorough: bool) -> None:
    """Ask everything that must hold while work goes on; AssertionError with what does not. `thorough` takes longer."""
    assert world.agent.get("/healthz")[0] == 200
    due_times_have_a_run(world)
    oracle.store_is_sound(world, 10_000 if thorough else 100)
    if thorough:
        oracle.histories_are_legal(world)
        oracle.nothing_acknowledged_is_lost(world)
        acts_of_ended_runs_fit(world)
        oracle.due_times_had_one_run_each(world)
        digest = world.agent.checked()
        world.wait(
            lambda: world.agent.digest() == digest, "for what a cold start would load to be in force", IN_FORCE_WITHIN
        )
    nothing_is_left_of_ended_runs(world)
    nothing_is_left_in_the_state(world)
    what_nobody_may_touch_is_untouched(world, canary)
    oracle.metrics_agree(world, duties.TASKS)
    errors_are_excused(world)


def hold_at_the_end(world: SoakWorld, canary: str) -> None:
    """Ask everything that must hold once every run has ended and the agent has stopped."""
    oracle.store_is_sound(world)
    oracle.histories_are_legal(world)
    oracle.nothing_acknowledged_is_lost(world)
    acts_of_ended_runs_fit(world)
    oracle.due_times_had_one_run_each(world)
    oracle.nothing_is_left_behind(world)
    what_nobody_may_touch_is_untouched(world, canary)
    errors_are_excused(world)
    left = [process.pid for process in strangers(world)]
    assert left == [], f"processes are left: {left}"


def hold_at_rest(world: SoakWorld, canary: str) -> None:
    """Ask what must hold of an agent that has nothing to do any more."""
    nothing_is_left_of_ended_runs(world)
    oracle.metrics_agree(world, duties.TASKS)
    assert world.agent.process is not None
    pid = world.agent.process.pid
    world.wait(lambda: not proc.children(pid), lambda: f"for an idle agent to have no process: {proc.children(pid)}")
    world.wait(
        lambda: vitals.HANDLE not in vitals.kinds_of_files(Path(f"/proc/{pid}/fd")), "for its handles on them to go"
    )


def due_times_have_a_run(world: SoakWorld) -> None:
    """Every due time that the clock has passed has its run, or will have it in a moment."""
    expected = world.dues.expected(world.clock.now() - 1.0)
    earliest = min((due for dues in expected.values() for due in dues), default=0.0)
    missing: list[tuple[str, float]] = []

    def handled() -> bool:
        runs = {(run.task, run.due) for run in world.agent.runs() if run.due >= earliest}
        missing[:] = [(task, due) for task, dues in expected.items() for due in dues if (task, due) not in runs]
        return not missing

    world.wait(handled, lambda: f"for due times to have their runs: {missing}", HANDLED_WITHIN)


def acts_of_ended_runs_fit(world: SoakWorld) -> None:
    """What ended runs did is what their journal says, and no step was begun more often than its run."""
    # Asked before the journal is read: it does not grow any more for a run that has ended.
    ended = {run.id for run in world.agent.runs() if run.ended is not None}
    rows = [row for row in world.audit() if row.run in ended]
    oracle.acts_fit(rows, [effect for effect in world.effects() if effect.run in ended])
    attempts: Counter[int] = Counter()
    begun: Counter[tuple[int, int]] = Counter()
    for row in rows:
        if row.seq is None:
            attempts[row.run] = max(attempts[row.run], row.attempt or 0)
        else:
            begun[row.run, row.seq] += row.became == StepState.DOING
    more = {step: times for step, times in begun.items() if times > attempts[step[0]]}
    assert not more, f"steps were begun more often than their runs: {more}"


def nothing_is_left_of_ended_runs(world: SoakWorld) -> None:
    """No process and no control group of a run that has ended, once a moment has passed."""
    left: list[str] = []

    def cleared() -> bool:
        open_runs = {str(run.id) for run in world.agent.runs() if run.ended is None}
        left[:] = [group.path for group in world.agent.groups() if group.path.rpartition("-")[2] not in open_runs]
        left.extend(f"process {pid} of run {run}" for pid, run in _marked(world) if run not in open_runs)
        return not left

    world.wait(cleared, lambda: f"for nothing to be left of ended runs: {left}", CLEARED_WITHIN + 5)


def _marked(world: SoakWorld) -> Iterator[tuple[int, str]]:
    mark = re.compile(rf"\0{MARKER}={re.escape(world.key)}:(\d+)\0".encode())
    for pid in world.processes():
        try:
            found = mark.search(b"\0" + Path(f"/proc/{pid}/environ").read_bytes() + b"\0")
        except OSError:
            continue
        if found:
            yield pid, found[1].decode()


def nothing_is_left_in_the_state(world: SoakWorld) -> None:
    """No file in the state directory but those that belong there."""
    state = world.agent.state
    names = {str(path.relative_to(state)) for path in state.rglob("*")}
    strange = {name for name in names if not oracle.STATE_FILES.fullmatch(name)}
    assert strange == set(), strange


def what_nobody_may_touch_is_untouched(world: SoakWorld, canary: str) -> None:
    """The canary tree, what leads to it, and what only a wrong clock takes for old, are as they were."""
    assert digest_of(world.canary) == canary, "the canary tree has changed"
    tidied = world.disk.root / "tidied"
    assert (tidied / "keep").read_text() == "keep"
    assert world.young.read_text() == "young"
    assert (tidied / "link.old").is_symlink() and (tidied / "way.old").is_symlink()
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    below = sorted(mount for mount in mounts if mount.startswith(f"{world.place}/"))
    assert below == [f"{world.place}/backing", f"{world.place}/disk"], below


def errors_are_excused(world: SoakWorld) -> None:
    """No error in the agent itself but those that faults of the host make."""
    errors = list(errors_in(world.unread_log()))
    world.errors += len(errors)
    bad = [error for error in errors if not EXCUSED.search(error)]
    assert not bad, f"errors in the agent: {bad}"


def errors_in(text: str) -> Iterator[str]:
    """Given a log, yield how each trace in it ends; of those that one error made of another, the last."""
    for trace in text.split("Traceback (most recent call last):\n")[1:]:
        lines = [line for line in trace.splitlines() if line and not line[0].isspace()]
        if not any(line.startswith(CHAINED) for line in lines[1:2]):
            yield lines[0] if lines else "a trace without an end"


def strangers(world: SoakWorld) -> list[proc.Process]:
    """Return the living processes of this process's own space that the soak did not start."""
    if os.getpid() != 1:
        return []
    known = {1, *(process.pid for process in (world.agent.process,) if process is not None)}
    found = [proc.look(pid) for pid in proc.everyone() if pid not in known]
    return [process for process in found if process is not None and not process.dead]
