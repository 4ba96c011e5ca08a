"""How things stand: the verdict, what is at work, what waits and why, what is held, what the policy files say."""

from __future__ import annotations

from agent.engine.picture import Picture, up_for
from agent.model.explanations import explain
from agent.model.runs import Run, RunOutcome, RunState
from agent.pages.html import Child, Markup, element, join
from agent.readable import duration
from agent.rules.quantities import format_duration
from agent.site.frame import standing
from agent.site.parts import card, chip, counted, facts, link, more, run_link, said, since, table, task_link, words
from agent.site.scene import Scene

LISTED = 10
"""Things of a kind that are named; how many more there are is said."""

_MARKS = {"good": "✓", "warn": "▲", "bad": "✕"}


def verdict(scene: Scene) -> Markup:
    """Return whether all is well, and what is not."""
    how = standing(scene)
    sentences = _trouble(scene.picture)
    return element(
        "section",
        element("h1", element("i", _MARKS[how], aria_hidden="true"), _sentence(scene.picture), id="verdict"),
        element("ul", [element("li", sentence) for sentence in sentences[:LISTED]]) if sentences else None,
        more(len(sentences) - LISTED, "that need attention", view="tasks"),
        class_=f"verdict {how}",
        aria_labelledby="verdict",
    )


def _sentence(picture: Picture) -> str:
    found, firing = len(picture.trouble), len(picture.firing)
    if found:
        return "1 thing needs attention" if found == 1 else f"{found} things need attention"
    if firing:
        return "1 threshold fires" if firing == 1 else f"{firing} thresholds fire"
    return "All is well"


def _trouble(picture: Picture) -> list[Child]:
    """Return the trouble as sentences, with links to the runs in it."""
    runs = [join((task_link(run.task), ": ", run_link(run.id), _ending(run))) for run in picture.bad]
    told = [f"{run.task}: run {run.id} " for run in picture.bad]
    others = [text[:1].upper() + text[1:] for text in picture.trouble if not text.startswith(tuple(told))]
    return [*others, *runs]


def _ending(run: Run) -> str:
    return f" ended {run.state}{f', {words(run.why)}' if run.why else ''}{f': {said(run)}' if said(run) else ''}"


def band(scene: Scene) -> Markup:
    """Return the agent in a few facts."""
    picture = scene.picture
    daemon = picture.daemon
    policies = daemon.get("policies", {})
    ends = scene.store.runs.ends_by_quarter(scene.now - 86_400)
    good = sum(count for _, how, count in ends if how is RunOutcome.SUCCEEDED)
    all_ends = sum(count for _, _, count in ends)
    return element(
        "div",
        facts(
            (
                ("Agent", f"up for {duration(up_for(daemon))}" if picture.alive else "not running"),
                (
                    "Policies in force",
                    f"{counted(policies['files'], 'file')}, {policies['digest'][:12]}" if policies else "none",
                ),
                ("Tasks", link(picture.tasks, view="tasks")),
                ("At work", str(len(picture.running))),
                ("Waiting", str(len(picture.waiting))),
                ("Ended in 24 hours", f"{all_ends}, of which {good} succeeded"),
                ("Signals measured", f"every {format_duration(scene.visit.sample_every)}"),
            )
        ),
        class_="band",
    )


def at_work(scene: Scene) -> Markup | None:
    """Return what is at work and what waits, and for what; nothing when there is neither."""
    runs = scene.picture.at_work
    if not runs:
        return None
    rows = []
    for run in runs[:LISTED]:
        why = scene.picture.waits.get(run.id, "")
        reason, _, detail = why.partition(" ")
        meant = explain(reason)
        said: Child = (words(reason), f" ({detail})" if detail else "", element("small", meant)) if meant else why
        when = run.started if run.state is RunState.RUNNING else run.due
        rows.append((task_link(run.task), (chip(run.state), " ", run_link(run.id)), said or "–", since(scene, when)))
    return card(
        "work",
        "At work and waiting",
        table("Runs at work and waiting", ("Task", "State", "Why", "Since"), rows),
        more(len(runs) - LISTED, "wait or are at work"),
        wide=True,
    )


def holds(scene: Scene) -> Markup | None:
    """Return what is held until somebody releases it; nothing when nothing is."""
    held = scene.picture.holds
    if not held:
        return None
    rows = [(hold.name, (words(hold.reason), element("small", hold.detail)), since(scene, hold.since)) for hold in held]
    return card(
        "holds",
        "Held until released",
        table("Holds", ("Name", "Why", "Since"), rows[:LISTED]),
        more(len(rows) - LISTED, "are held"),
        element("p", element("code", f"hostkeeper release-hold {held[0].name}"), class_="more"),
    )


def mistakes(scene: Scene) -> Markup | None:
    """Return what is wrong with the policy files; nothing when they are as they are in force."""
    policies = scene.picture.daemon.get("policies", {})
    if policies.get("valid", True):
        return None
    found = policies["mistakes"]
    return card(
        "mistakes",
        "Mistakes in the policy files",
        element("p", "The last good policies are in force until these are mended."),
        element("ul", [element("li", element("code", text)) for text in found[:LISTED]]),
        more(len(found) - LISTED, "mistakes; `hostkeeper check` names all"),
        wide=True,
    )
