"""Task by task: how often it ran and how that ended, how long it took, and what it freed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from agent.model.explanations import explain
from agent.model.runs import BAD, IDLE, RunOutcome
from agent.pages.charts import ceiling, ceiling_of_seconds, columns, dots, plot
from agent.pages.html import Child, Markup, element
from agent.pages.svg import ticks
from agent.readable import duration, size
from agent.report.story import DELETED, FREED, Story, TaskStory
from agent.report.wording import count, evenly, moment, rest, round_duration, sentence, unit
from agent.site.parts import card, chip, nothing, shade, table, words

MOST_CHARTS = 12
FEW = 8
"""So many columns have a label each."""

MOST_TICKS = 20
MOST_ROWS = 20


def listed(story: Story) -> Markup:
    """Return the table of tasks, those that went wrong first."""
    if not story.tasks:
        return card("tasks", "Task by task", nothing("No task ran in this time."), wide=True)
    rows = [_row(story, task) for task in story.tasks]
    headings = ("Task", "Latest runs", "Succeeded", "Went wrong", "Skipped", "Usually took", "Last")
    shown = table("Tasks and how their runs ended", headings, rows)
    left = rest(story.tasks_in_all - len(rows), "task")
    return card("tasks", "Task by task", element("div", shown, class_="scroll"), left, wide=True)


def _row(story: Story, task: TaskStory) -> tuple[Child, ...]:
    ends = [point.state for point in task.points[-MOST_TICKS:]]
    good = sum(end is RunOutcome.SUCCEEDED for end in ends)
    # All rows have as many places, so that a mark is as wide in each; the newest stands at the right.
    places = ["none"] * (MOST_TICKS - len(ends)) + [shade(end) for end in ends]
    marks = ticks(places, f"last {len(ends)} runs: {good} succeeded") if ends else None
    bad, idle = task.bad, task.count(*IDLE)
    last = task.last
    return (
        task.name,
        marks,
        unit(count(task.count(RunOutcome.SUCCEEDED)), "succeeded"),
        unit(element("b", count(bad), class_="wrong") if bad else "0", "went wrong"),
        unit(count(idle), "skipped"),
        unit(duration(task.usual), "usually"),
        [chip(last.state), element("small", moment(story.period, last.last))],
    )


def durations(story: Story) -> Markup:
    """Return a chart for each of the tasks that took longest, of how long each run took."""
    timed = sorted((task for task in story.tasks if len(task.points) > 1), key=lambda task: -task.seconds)
    if not timed:
        return card("took", "How long it took", nothing("No task ran twice in this time."), wide=True)
    charts = [_chart(story, task) for task in timed[:MOST_CHARTS]]
    left = rest(len(timed) - len(charts), "task")
    aside = "each dot is a run; the broken line is what the task usually takes"
    return card("took", "How long it took", element("div", charts, class_="charts"), left, aside=aside, wide=True)


def _chart(story: Story, task: TaskStory) -> Markup:
    period = story.period
    longest = max(point.seconds for point in task.points)
    top = ceiling_of_seconds(longest)
    usual = task.usual or 0.0
    points = [
        (
            (point.ended - period.since) / (period.until - period.since),
            max(0.0, point.seconds) / top,
            "bad" if point.state in BAD else "good",
        )
        for point in task.points
        if point.state not in IDLE
    ]
    text = f"{task.name}: usually {duration(usual)}, at most {duration(longest)}"
    levels = [round_duration(top), round_duration(top / 2), "0"]
    below = evenly([period.short(edge) for edge in story.edges], 3)
    return element(
        "figure",
        element(
            "figcaption",
            element("b", task.name),
            element("span", f"usually {duration(usual)}, at most {duration(longest)}"),
        ),
        plot(dots(points, [usual / top], text), levels, below),
    )


def freed(story: Story) -> Markup:
    """Return what was deleted: by task, by reason, and over time."""
    by_task = {task: numbers for task, numbers in story.numbers.items() if numbers.get(DELETED) or numbers.get(FREED)}
    if not by_task:
        return card("freed", "What was freed", nothing("Nothing was deleted in this time."))
    order = sorted(by_task, key=lambda task: -by_task[task].get(FREED, 0.0))
    rows = [
        (task, count(by_task[task].get(DELETED, 0.0)), size(by_task[task].get(FREED, 0.0)))
        for task in order[:MOST_ROWS]
    ]
    return card(
        "freed",
        "What was freed",
        _freed_over_time(story),
        table("Objects deleted and space freed by task", ("Task", "Objects", "Space"), rows),
        rest(len(order) - len(rows), "task"),
    )


def _freed_over_time(story: Story) -> Markup | None:
    most = max(story.freed, default=0.0)
    if most <= 0:
        return None
    unit = 1024.0 ** max(0, min(5, (int(most).bit_length() - 1) // 10))
    top = ceiling(most / unit) * unit
    slices = [
        (f"{story.period.name(start, end)}: {size(number)}", {"good": number})
        for start, end, number in zip(story.edges, story.edges[1:], story.freed, strict=False)
    ]
    label = f"Space freed over time: {size(sum(story.freed))} in all, at most {size(most)} at a time"
    few = len(slices) <= FEW
    below = [story.period.short(edge) for edge in (story.edges[:-1] if few else story.edges)]
    levels = [size(top), size(top / 2), "0"]
    return plot(columns(slices, top, label), levels, below if few else evenly(below, 4), each=few)


def judged(story: Story) -> Markup:
    """Return why objects were deleted or kept."""
    reasons: Counter[str] = Counter()
    for numbers in story.numbers.values():
        for name, number in numbers.items():
            if name.startswith("count."):
                reasons[name.removeprefix("count.")] += round(number)
    if not reasons:
        return card("judged", "Why objects were deleted or kept", nothing("No object was looked at in this time."))
    rows = _reasons(reasons)
    shown = table("Objects by reason", ("Reason", "Objects", "That is"), rows)
    return card("judged", "Why objects were deleted or kept", shown)


def _reasons(reasons: Mapping[str, int]) -> list[tuple[Child, ...]]:
    order = sorted(reasons, key=lambda reason: -reasons[reason])
    return [(words(reason), count(reasons[reason]), sentence(explain(reason))) for reason in order[:MOST_ROWS]]
