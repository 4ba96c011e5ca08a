"""What will run next: a week of tasks by days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from agent.model.explanations import explain
from agent.model.reasons import Reason
from agent.pages.html import Child, Markup, element
from agent.report.story import Story
from agent.report.wording import rest, sentence
from agent.rules.upcoming import Entry, no_start
from agent.site.parts import card, nothing, words

DAYS = 7
MOST_TASKS = 30
MOST_TIMES = 2


def week(story: Story) -> Markup:
    """Return the table of the days to come: a row for each task, and when it is expected to start."""
    if story.present.coming is None:
        return card("next", "What will run next", nothing("The policies in force cannot be read."), wide=True)
    today = story.present.today.date()
    days = [today + timedelta(days=number) for number in range(DAYS)]
    by_task: dict[str, dict[date, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in story.present.coming.entries:
        if entry.reason is Reason.DISABLED:
            continue
        local = story.period.local(_when(entry))
        if local.date() in days:
            by_task[entry.task][local.date()].append(entry)
    if not by_task:
        return card("next", "What will run next", nothing("Nothing falls due in the days to come."), wide=True)
    order = sorted(by_task, key=lambda task: (min(_when(entry) for entry in _all(by_task[task])), task))
    rows = [
        element("tr", element("th", task, scope="row"), [_cell(story, by_task[task].get(day, [])) for day in days])
        for task in order[:MOST_TASKS]
    ]
    head = [element("th", "Task", scope="col"), *(element("th", _day(day, today), scope="col") for day in days)]
    caption = element("caption", "When each task is expected to start in the days to come")
    shown = element("table", caption, element("thead", element("tr", head)), element("tbody", rows), class_="week")
    left = rest(len(order) - len(rows), "task")
    aside = "expected starts; a struck out time is not going to run"
    scroll = element("div", shown, class_="scroll")
    return card("next", "What will run next", scroll, left, _held(story), aside=aside, wide=True)


def _all(days: dict[date, list[Entry]]) -> list[Entry]:
    return [entry for entries in days.values() for entry in entries]


def _when(entry: Entry) -> float:
    return entry.due if entry.starts is None else entry.starts


def _day(day: date, today: date) -> str:
    return "Today" if day == today else f"{day.strftime('%a')} {day.day}"


def _cell(story: Story, entries: Sequence[Entry]) -> Markup:
    if not entries:
        return element("td", element("span", "·", class_="free"))
    if len(entries) > MOST_TIMES:
        first = story.period.local(_when(entries[0])).strftime("%H:%M")
        return element("td", element("b", f"{len(entries)}×"), element("small", f"from {first}"))
    return element("td", [_time(story, entry) for entry in entries])


def _time(story: Story, entry: Entry) -> Child:
    text = story.period.local(_when(entry)).strftime("%H:%M")
    if entry.starts is not None:
        return element("div", element("b", text))
    return element("div", element("s", text) if entry.skipped else element("small", no_start(entry)))


def _held(story: Story) -> Markup | None:
    """Say what holds back or strikes out, each reason once."""
    if story.present.coming is None:
        return None
    reasons: dict[str, str] = {}
    for entry in story.present.coming.entries:
        if entry.reason not in (None, Reason.DISABLED) and entry.starts is None:
            reasons.setdefault(entry.reason, entry.task)
    if not reasons:
        return None
    said = [
        element("li", element("b", words(reason)), f" (as {task}): ", sentence(explain(reason)))
        for reason, task in reasons.items()
    ]
    return element("ul", said, class_="plain soft")
