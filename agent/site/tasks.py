"""The tasks with how they last ended, and one task whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from msgspec.structs import replace

from agent.engine.agenda import Agenda
from agent.engine.coming import next_due
from agent.model.policies import PolicySet, Schedule, Task, Window
from agent.model.runs import Run
from agent.pages.html import Child, Markup, element
from agent.pages.svg import sparkline
from agent.readable import duration
from agent.rules.quantities import format_duration
from agent.site.history import listing
from agent.site.parts import (
    card,
    chip,
    facts,
    instant,
    link,
    more,
    nothing,
    outcome,
    row_of_runs,
    since,
    table,
    task_link,
    took,
)
from agent.site.scene import Scene
from agent.trigger import fires, parse, zone

PAGE = 60
"""Tasks of one page."""

MARKS = 20
"""Runs of a task that have a mark in the list of tasks."""

RUNS = 30
"""Runs of a task that are listed."""


def last_runs(scene: Scene, most: int) -> Markup:
    """Return up to `most` tasks with their last runs, those that ended badly first."""
    latest = {run.task: run for run in scene.picture.latest}
    names = _ordered(scene, latest)
    rows = []
    for name in names[:most]:
        run = latest.get(name)
        runs = scene.store.runs.recent(MARKS, name)
        marks = row_of_runs(runs, MARKS)
        run = run or next(iter(runs), None)
        ended = (
            (outcome(run), element("small", since(scene, run.ended or run.started or run.due)))
            if run
            else chip("never")
        )
        rows.append((task_link(name), ended, took(run) if run else "–", marks))
    listed = table("Last run of each task", ("Task", "Last run", "Took", "Latest runs"), rows)
    return card(
        "tasks",
        "Last run of each task",
        listed if rows else nothing("No policy has a task."),
        more(len(names) - most, "tasks", view="tasks"),
    )


def _ordered(scene: Scene, latest: Mapping[str, Run]) -> list[str]:
    bad = {run.task for run in scene.picture.bad}
    return sorted(
        scene.policies.tasks, key=lambda name: (name not in bad, -latest[name].id if name in latest else 0, name)
    )


def whole(scene: Scene) -> tuple[Child, ...]:
    """Return a page of the tasks, those that ended badly first and then by name."""
    latest = {run.task: run for run in scene.picture.latest}
    bad = {run.task for run in scene.picture.bad}
    names = sorted(scene.policies.tasks, key=lambda name: (name not in bad, name))
    pages = max(1, -(-len(names) // PAGE))
    number = scene.number("page", 1, pages) or 1
    shown = names[(number - 1) * PAGE : number * PAGE]
    due = next_due(_only(scene, shown), scene.zone, datetime.fromtimestamp(scene.now, UTC))
    rows = [_row(scene, scene.policies.tasks[name], latest.get(name), due.get(name)) for name in shown]
    listed = table("Tasks", ("Task", "Last run", "When", "Next due"), rows)
    ways = (
        link("Previous", view="tasks", page=number - 1) if number > 1 else None,
        element("span", f"page {number} of {pages}"),
        link("Next", view="tasks", page=number + 1) if number < pages else None,
    )
    return (
        element("h1", f"{len(names)} tasks"),
        element("section", listed if rows else nothing("No policy has a task."), class_="card", aria_label="Tasks"),
        element("p", ways, class_="pages") if pages > 1 else None,
    )


def _only(scene: Scene, names: Sequence[str]) -> PolicySet:
    return replace(scene.policies, tasks={name: scene.policies.tasks[name] for name in names})


def _row(scene: Scene, task: Task, run: Run | None, due: float | None) -> Sequence[Child]:
    about = element("small", task.description) if task.description else None
    last: Child = outcome(run) if run else chip("never")
    coming: Child = instant(scene, due) if due is not None else "disabled" if not task.enabled else "on demand"
    return (task_link(task.name), about), last, since(scene, run.ended) if run else "–", coming


def one(scene: Scene, name: str) -> tuple[Child, ...] | None:
    """Given the name of a task, return all of it but its options; None when neither policies nor history know it."""
    task = scene.policies.tasks.get(name)
    runs = scene.store.runs.recent(2 * RUNS, name)
    if task is None and not runs:
        return None
    durations = scene.store.runs.durations(name)
    took_for = (
        f"the last {len(durations)} runs that succeeded took {duration(min(durations))} to {duration(max(durations))}"
        if durations
        else ""
    )
    return (
        element("h1", name),
        element("p", task.description) if task is not None and task.description else None,
        _about(scene, task) if task is not None else element("p", "No policy has this task any more."),
        card(
            "runs",
            "Runs",
            row_of_runs(runs, 2 * RUNS),
            listing(scene, runs[:RUNS], tasks=False) if runs else nothing("It has not run yet."),
            more(len(runs) - RUNS, "and earlier ones: `hostkeeper history`") if len(runs) > RUNS else None,
        ),
        card(
            "took", "How long it takes", sparkline(durations, took_for, low=0.0), element("p", took_for, class_="more")
        )
        if len(durations) > 1
        else None,
    )


def _about(scene: Scene, task: Task) -> Markup:
    window = scene.policies.windows[task.window] if task.window else None
    expected = Agenda(scene.store, scene.policies, scene.zone).expected(task.name)
    last_bad = next((run for run in scene.picture.bad if run.task == task.name), None)
    return element(
        "section",
        facts(
            (
                ("Last", outcome(last_bad) if last_bad else None),
                ("Action", element("code", task.action)),
                ("Category", task.category),
                ("Priority", task.priority.name.lower()),
                ("Enabled", None if task.enabled else "no"),
                ("Schedule", _schedule(task.schedule) if task.schedule else "on demand"),
                ("Window", _window(window) if window else None),
                ("Needs", [(task_link(need), " ") for need in task.needs] or None),
                ("Expected to take", duration(expected) if expected is not None else None),
                ("May take", format_duration(task.max_duration)),
                ("Tries", str(task.retry.attempts) if task.retry.attempts > 1 else None),
                (
                    "At most",
                    f"{task.at_most.times} times in {format_duration(task.at_most.per)}" if task.at_most else None,
                ),
                ("Next due", _dues(scene, task)),
                ("Written in", element("code", f"{task.position.file}:{task.position.line}")),
            )
        ),
        class_="card",
        aria_label="Facts",
    )


def _schedule(schedule: Schedule) -> Child:
    jitter = f", within {format_duration(schedule.jitter)} after" if schedule.jitter else ""
    return element("code", schedule.text), f" {schedule.timezone}{jitter}"


def _window(window: Window) -> Child:
    return (
        f"{window.name}: from ",
        element("code", window.opens),
        f" {window.timezone} for {format_duration(window.lasts)}",
    )


def _dues(scene: Scene, task: Task) -> Child:
    if task.schedule is None or not task.enabled:
        return None
    start = datetime.fromtimestamp(scene.now, UTC)
    trigger, local = parse(task.schedule.text), zone(task.schedule.timezone, scene.zone)
    end = start.replace(year=start.year + 2, day=1)
    found = [instant(scene, fire.timestamp()) for fire in islice(fires(trigger, local, start, end), 3)]
    return [(at, " ") for at in found] or "never"
