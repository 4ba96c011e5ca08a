"""What went wrong and why, what was skipped and why, what was taken back, what is held, and what thresholds did."""

from __future__ import annotations

from agent.model.explanations import explain
from agent.model.runs import IDLE, RunOutcome
from agent.pages.html import Child, Markup, element
from agent.readable import duration
from agent.report.story import Failure, Story
from agent.report.wording import count, many, moment, opened, rest, sentence, short
from agent.site.parts import card, chip, nothing, table, words

MOST_ROWS = 20
TEXT = 600
OUTPUT = 2000


def failures(story: Story) -> Markup:
    """Return each bad ending, the latest first: what, how often, why in words, and what was printed."""
    if not story.failures:
        return card("failed", "What went wrong, and why", nothing("Nothing went wrong in this time."), wide=True)
    items = [_failure(story, failure) for failure in story.failures]
    left = rest(story.failures_in_all - len(items), "kind of failure", "kinds of failure")
    return card("failed", "What went wrong, and why", element("ol", items, class_="wrongs"), left, wide=True)


def _failure(story: Story, failure: Failure) -> Markup:
    ending, run = failure.ending, failure.run
    times = "once" if ending.count == 1 else f"{count(ending.count)} times"
    again = _well_again(story, failure)
    head = element("p", chip(ending.state), " ", element("b", ending.task), f" {times}", again, class_="what")
    why = element("p", element("b", words(ending.why)), ". ", sentence(explain(ending.why))) if ending.why else None
    if run is None:
        return element("li", head, why, nothing(f"Run {ending.last_id} cannot be read: its row was damaged or edited."))
    took = f", after {duration(run.ended - run.started)}" if run.ended and run.started else ""
    last = element("p", element("small", f"Run {run.id}, ", moment(story.period, ending.last), took))
    detail = element("pre", short(run.detail, TEXT)) if run.detail else None
    return element("li", head, why, last, detail, _printed(failure))


def _well_again(story: Story, failure: Failure) -> Markup | None:
    """Say that the task has succeeded since, where that is so."""
    later = [
        ending
        for ending in story.endings
        if ending.task == failure.ending.task
        and ending.state is RunOutcome.SUCCEEDED
        and ending.last_id > failure.ending.last_id
    ]
    return element("small", " – has succeeded since", class_="again") if later else None


def _printed(failure: Failure) -> Markup | None:
    said: list[Child] = []
    for step in failure.steps[:3]:
        said.append(element("p", element("small", f"step {step.seq}, {short(step.name, 120)}: {step.state}")))
        said += [element("pre", short(text, OUTPUT)) for text in (step.error, step.output) if text]
    return opened("What its steps said", said) if said else None


def skips(story: Story) -> Markup:
    """Return what was skipped, missed, replaced or refused, by task and reason."""
    found = sorted(
        (ending for ending in story.endings if ending.state in IDLE | {RunOutcome.MISSED}),
        key=lambda ending: (-ending.count, ending.task),
    )
    if not found:
        return card("skipped", "What was skipped, and why", nothing("Nothing was skipped in this time."), wide=True)
    rows: list[tuple[Child, ...]] = [
        (
            ending.task,
            count(ending.count),
            [words(ending.why) or "-", element("small", sentence(explain(ending.why)))],
            moment(story.period, ending.last),
        )
        for ending in found[:MOST_ROWS]
    ]
    shown = table(
        "Skipped, missed, replaced and refused runs by task and reason", ("Task", "Times", "Why", "Last"), rows
    )
    left = rest(len(found) - len(rows), "reason")
    return card("skipped", "What was skipped, and why", element("div", shown, class_="scroll"), left, wide=True)


def taken_back(story: Story) -> Markup:
    """Return the steps that were undone."""
    if not story.taken_back:
        return card("undone", "What was taken back", nothing("No step had to be taken back."))
    rows = [
        (task, short(name, 120), count(number), moment(story.period, last))
        for task, name, number, last in story.taken_back[:MOST_ROWS]
    ]
    shown = table("Steps that were undone", ("Task", "Step", "Times", "Last"), rows)
    return card("undone", "What was taken back", shown, rest(len(story.taken_back) - len(rows), "step"))


def thresholds(story: Story) -> Markup:
    """Return which thresholds had something run, and which fire."""
    firing = story.present.picture.firing if story.present.picture else ()
    if not story.caused and not firing:
        return card("thresholds", "Thresholds", nothing("No threshold had anything run, and none fires."))
    rows = [(one.cause, one.task, count(one.count), moment(story.period, one.last)) for one in story.caused[:MOST_ROWS]]
    shown = table("Runs that thresholds made", ("Threshold", "Had run", "Times", "Last"), rows) if rows else None
    now = [
        element("li", chip("firing"), " ", element("b", name), f" {labels} " if labels else " ", _since(story, at))
        for name, labels, at, _ in firing[:MOST_ROWS]
    ]
    listed = element("ul", now, class_="plain") if now else None
    left = rest(len(firing) - len(now), "firing series", "firing series")
    beyond = rest(len(story.caused) - len(rows), "pair")
    return card("thresholds", "Thresholds", listed, left, shown, beyond, aside=_now(story) if listed else None)


def _now(story: Story) -> str | None:
    """Say of what a report of earlier days shows that it is today's."""
    return None if story.is_current else "as things stand now"


def _since(story: Story, at: float | None) -> Child:
    return element("small", "since ", moment(story.period, at)) if at is not None else None


def holds(story: Story) -> Markup:
    """Return what is held until an admin releases it."""
    held = story.present.picture.holds if story.present.picture else ()
    if not held:
        return card("holds", "Holds", nothing("Nothing is held."))
    rows: list[tuple[Child, ...]] = [
        (
            hold.name,
            [words(hold.reason), element("small", hold.detail or sentence(explain(hold.reason)))],
            moment(story.period, hold.since),
        )
        for hold in held[:MOST_ROWS]
    ]
    shown = table("What is held until an admin releases it", ("Name", "Why", "Since"), rows)
    hint = element("p", element("small", element("code", "hostkeeper release-hold NAME"), " lets it act again."))
    return card("holds", "Holds", shown, rest(len(held) - len(rows), "hold"), hint, aside=_now(story))


def policies(story: Story) -> Markup:
    """Return which policies were put in force when, and what is wrong with the files."""
    mistakes = None
    if story.present.mistakes:
        named = [element("li", element("code", mistake)) for mistake in story.present.mistakes[:MOST_ROWS]]
        told = element("p", chip("failed"), " The files as they are have mistakes; the last good set is in force.")
        left = rest(len(story.present.mistakes) - len(named), "mistake")
        mistakes = element("div", told, element("ul", named), left)
    if not story.policies:
        return card("policies", "Policies", mistakes, nothing("No other policies were put in force in this time."))
    rows = [(moment(story.period, at), element("code", short(digest, 80)[:16])) for at, digest in story.policies]
    shown = table("Policy sets that were put in force", ("Put in force", "Digest"), rows)
    return card(
        "policies",
        "Policies",
        mistakes,
        element("p", f"They were put in force {many(story.policies_in_all, 'time')}."),
        shown,
        rest(story.policies_in_all - len(rows), "set"),
    )
