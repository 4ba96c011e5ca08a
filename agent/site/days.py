"""The days to come: what will run when, and what windows and needs hold back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from msgspec import Struct

from agent.engine.coming import days_ahead
from agent.pages.html import Child, Markup, element
from agent.pages.svg import strip
from agent.rules.upcoming import Entry, Upcoming, no_start
from agent.rules.windows import gate, occurrences
from agent.site.parts import card, counted, instant, more, nothing, table, task_link, words
from agent.site.scene import Scene

GROUPS = 24
"""Lines of a day."""

_REACH = ((300, 7), (1500, 3), (6000, 1))
"""Up to so many tasks so many days are looked ahead: more would take seconds."""


class Group(Struct, frozen=True):
    """What one task has before it on one day, as far as it is held back by the same."""

    task: str
    entries: tuple[Entry, ...]


def days_shown(scene: Scene) -> int:
    """Return how many days are looked ahead, 0 with too many tasks."""
    tasks = sum(task.schedule is not None for task in scene.policies.tasks.values())
    return next((days for most, days in _REACH if tasks <= most), 0)


def ahead(scene: Scene, days: int) -> Upcoming:
    """Return what falls due in the coming days."""
    start = datetime.fromtimestamp(scene.now, UTC)
    held = scene.store.holds.held()
    return days_ahead(scene.store, scene.policies, scene.zone, scene.visit.host_id, start, days, held)


def coming(scene: Scene, found: Upcoming, most: int) -> Markup:
    """Given the calendar, return the next start of each task, the soonest first."""
    first: dict[str, Entry] = {}
    for entry in found.entries:
        if entry.starts is not None:
            first.setdefault(entry.task, entry)
    rows = [
        (instant(scene, entry.starts), task_link(entry.task), held(entry) or None)
        for entry in list(first.values())[:most]
    ]
    if not rows:
        return card("next", "Next", nothing("No task is due in the coming days."))
    listed = table("What is next", ("Starts", "Task", "Held back by"), rows)
    return card("next", "Next", listed, more(len(first) - most, "tasks", view="calendar"))


def held(entry: Entry) -> str:
    """Given an entry, return what holds it back, "" if nothing does."""
    detail = f" ({entry.detail})" if entry.detail else ""
    reason = f"{words(entry.reason)}{detail}" if entry.reason else ""
    needs = [need for need in entry.needs if need != entry.detail]
    after = f"after {', '.join(needs)}" if needs else ""
    return "; ".join(part for part in (reason, after) if part)


def calendar(scene: Scene, found: Upcoming, days: int, *, unfolded: int, groups: int = GROUPS) -> list[Markup]:
    """Given the calendar, return so many days as a list that unfolds; the first of them unfolded."""
    by_day = grouped(scene, found.entries)
    listed_until = {entry.task: scene.local(entry.due).date() for entry in found.entries if entry.task in found.cut}
    today = scene.local(scene.now).date()
    shown = []
    for number in range(days):
        day = today + timedelta(days=number)
        cut = [task for task, until in listed_until.items() if until <= day]
        shown.append(_day(scene, day, by_day.get(day.isoformat(), []), cut, groups, opened=number < unfolded))
    return shown


def grouped(scene: Scene, entries: Sequence[Entry]) -> Mapping[str, list[Group]]:
    """Given the calendar, return by local date what each task has before it, in the order of the first start."""
    found: dict[str, dict[tuple[str, str], list[Entry]]] = {}
    for entry in entries:
        day = scene.local(entry.starts if entry.starts is not None else entry.due).date().isoformat()
        found.setdefault(day, {}).setdefault((entry.task, held(entry) if entry.starts is None else ""), []).append(
            entry
        )
    return {day: [Group(task, tuple(listed)) for (task, _), listed in tasks.items()] for day, tasks in found.items()}


def _day(scene: Scene, day: date, groups: list[Group], cut: Sequence[str], most: int, *, opened: bool) -> Markup:
    begins, ends = _bounds(scene, day), _bounds(scene, day + timedelta(days=1))
    starts = [entry.starts for group in groups for entry in group.entries if entry.starts is not None]
    others = [entry.skipped for group in groups for entry in group.entries if entry.starts is None]
    skipped, waiting = sum(others), len(others) - sum(others)
    told = counted(len(starts), "run") + (f", {skipped} skipped" if skipped else "")
    told += f", {waiting} waiting" if waiting else ""
    # More than so many due times of one task are not looked at, so nothing is claimed of those.
    told += f", and more of {', '.join(cut)}" if cut else ""
    length = ends - begins
    windows = [((since - begins) / length, (until - begins) / length) for since, until in _windows(scene, begins, ends)]
    drawing = strip(
        windows,
        [(start - begins) / length for start in starts],
        f"{told}, and when windows are open",
        (scene.now - begins) / length,
    )
    summary = element("summary", element("b", f"{day:%A %d %B}"), f" · {told}", drawing)
    if not groups:
        return element("details", summary, nothing("Nothing is due."), open=opened)
    rows = [_line(scene, group) for group in groups[:most]]
    listed = table(f"{day:%A}", ("Starts", "Task", "Due", "Held back by"), rows)
    return element(
        "details", summary, listed, more(len(groups) - most, "tasks; `hostkeeper calendar` lists all"), open=opened
    )


def _line(scene: Scene, group: Group) -> Sequence[Child]:
    first, last = group.entries[0], group.entries[-1]
    times = len(group.entries)
    if first.starts is None:
        when: Child = no_start(first)
    elif times > 1 and last.starts is not None:
        when = (_hour(scene, first.starts), " – ", _hour(scene, last.starts))
    else:
        when = _hour(scene, first.starts)
    due: Child = f"{times} times" if times > 1 else _hour(scene, first.due)
    return when, task_link(group.task), due, held(first) or None


def _hour(scene: Scene, seconds: float) -> Markup:
    # What browsers and readers need besides, the day, stands above the table; here it would be a quarter of the page.
    return element("time", f"{scene.local(seconds):%H:%M}")


def _bounds(scene: Scene, day: date) -> float:
    """Return when a local day begins, in seconds since the epoch."""
    return datetime(day.year, day.month, day.day, tzinfo=scene.zone).timestamp()


def _windows(scene: Scene, begins: float, ends: float) -> Iterator[tuple[float, float]]:
    start, end = datetime.fromtimestamp(begins - 1, UTC), datetime.fromtimestamp(ends, UTC)
    for window in list(scene.policies.windows.values())[:50]:
        for found in occurrences(gate(window, scene.zone), start, end):
            yield found.since.timestamp(), found.until.timestamp()


def scale() -> Markup:
    """Return the hours of a day, for below its band."""
    hours = [element("span", f"{hour:02}") for hour in (0, 6, 12, 18, 24)]
    return element("p", hours, class_="scale", aria_hidden="true")


def too_many() -> Markup:
    """Return that nobody looks ahead."""
    return element(
        "p", "There are too many tasks to look ahead on a page; ", element("code", "hostkeeper calendar"), " does."
    )


def whole(scene: Scene) -> tuple[Child, ...]:
    """Return the page of the calendar."""
    days = days_shown(scene)
    title = element("h1", "Calendar")
    if not days:
        return title, too_many()
    found = ahead(scene, days)
    lede = element(
        "p", "A forecast from the policies and from how long runs took: marks are starts, shaded are open windows."
    )
    listed = calendar(scene, found, days, unfolded=1)
    return title, lede, element("section", listed, scale(), class_="card", aria_label="Days")
