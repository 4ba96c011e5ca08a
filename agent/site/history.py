"""What ran: the last thirty days as columns, runs as a list, one run whole."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from agent.model.explanations import explain
from agent.model.runs import BAD, Run, RunOutcome, StepRecord
from agent.pages.html import Child, Markup, element
from agent.pages.svg import bars
from agent.readable import duration
from agent.rules import outcomes
from agent.site.parts import (
    card,
    chip,
    facts,
    instant,
    link,
    nothing,
    outcome,
    run_link,
    said,
    table,
    task_link,
    took,
    words,
)
from agent.site.scene import Scene

DAYS = 30
PAGE = 60
"""Runs of one page."""

STEPS = 100
"""Steps of a run that are shown."""


def month(scene: Scene) -> Markup:
    """Return how many runs ended on each of the last thirty days, and how."""
    today = scene.local(scene.now).date()
    columns: dict[str, Counter[str]] = {
        (today - timedelta(days=back)).isoformat(): Counter(dict.fromkeys(("good", "bad", "idle"), 0))
        for back in range(DAYS - 1, -1, -1)
    }
    total: Counter[str] = Counter()
    for at, how, count in scene.store.runs.ends_by_quarter(scene.now - (DAYS + 1) * 86_400):
        kind = "good" if how is RunOutcome.SUCCEEDED else "bad" if how in BAD else "idle"
        day = scene.local(at).date().isoformat()
        if day in columns:
            columns[day][kind] += count
            total[kind] += count
    told = f"{total['good']:,} succeeded, {total['bad']:,} failed or were missed, {total['idle']:,} were skipped"
    return element(
        "div",
        bars(list(columns.values()), f"Runs of each of the last {DAYS} days: {told}"),
        element("p", element("span", f"{DAYS} days ago"), element("span", "today"), class_="scale", aria_hidden="true"),
        element("p", told, class_="more"),
    )


def recent(scene: Scene, most: int) -> Markup:
    """Return the last thirty days and the latest runs."""
    runs = scene.store.runs.recent(most)
    return card(
        "history",
        "History",
        month(scene),
        listing(scene, runs) if runs else nothing("Nothing has run yet."),
        element("p", link("All runs", view="history"), class_="more") if runs else None,
    )


def listing(scene: Scene, runs: Sequence[Run], *, tasks: bool = True) -> Markup:
    """Given runs, return them as a table; without `tasks`, of one task that need not be named."""
    headings = ["Run", "Ended", "When", "Took"]
    rows: list[list[Child]] = [
        [run_link(run.id), outcome(run), instant(scene, run.started or run.due), took(run)] for run in runs
    ]
    if tasks:
        headings.insert(1, "Task")
        for row, run in zip(rows, runs, strict=True):
            row.insert(1, task_link(run.task))
    return table("Runs, newest first", headings, rows)


def whole(scene: Scene) -> tuple[Child, ...]:
    """Return a page of the history, from the newest run or from the one asked for on."""
    before = scene.number("before", 1, 2**62)
    runs = scene.store.runs.recent(PAGE + 1, before=before)
    older = link("Older", view="history", before=runs[PAGE - 1].id) if len(runs) > PAGE else None
    newest = link("Newest", view="history") if before is not None else None
    return (
        element("h1", "History"),
        element(
            "div",
            card("days", f"The last {DAYS} days", month(scene), wide=True) if before is None else None,
            card("runs", "Runs", listing(scene, runs[:PAGE]) if runs else nothing("Nothing has run yet."), wide=True),
            class_="grid",
        ),
        element("p", newest, older, class_="pages") if newest or older else None,
    )


def one(scene: Scene, run: Run) -> tuple[Child, ...]:
    """Given a run, return all that may be seen of it: what commands printed is only for whoever may read the store."""
    steps = scene.store.steps.of(run.id)
    detail = said(run)
    whole_detail = (" (all of it: ", element("code", f"hostkeeper history {run.id}"), ")")
    meant = explain(run.why)
    why: Child = (words(run.why), element("small", meant)) if run.why else None
    return (
        element("h1", f"Run {run.id} of ", task_link(run.task)),
        element(
            "section",
            facts(
                (
                    ("State", chip(outcomes.outcome(run))),
                    ("Why", why),
                    ("Detail", (detail, whole_detail if detail != run.detail else None) if detail else None),
                    ("Made by", f"{words(run.origin)} {run.cause}".strip()),
                    ("Action", run.action),
                    ("Due", instant(scene, run.due)),
                    ("Started", instant(scene, run.started)),
                    ("Ended", instant(scene, run.ended)),
                    ("Took", took(run)),
                    ("Attempts", str(run.attempt)),
                    ("Policies", element("code", run.policy[:12])),
                )
            ),
            class_="card",
            aria_label="Facts",
        ),
        card("steps", "Steps", _steps(steps) if steps else nothing("No step was begun.")),
    )


def _steps(steps: Sequence[StepRecord]) -> Markup:
    rows = [
        (
            step.name,
            chip(step.state),
            ", ".join(f"{words(name)} {value}" for name, value in json.loads(step.facts).items()) or "–",
            duration(step.ended - step.started if step.ended else None),
        )
        for step in steps[:STEPS]
    ]
    listed = table("Steps", ("Step", "State", "Facts", "Took"), rows)
    if len(steps) <= STEPS:
        return listed
    return element("div", listed, element("p", f"and {len(steps) - STEPS} more steps", class_="more"))
