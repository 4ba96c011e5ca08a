"""What pages are put together from: cards, tables, marks, links, instants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from agent.model.runs import BAD, Run, RunOutcome
from agent.pages.html import Child, Markup, element
from agent.pages.svg import ticks
from agent.readable import ago, duration
from agent.rules import outcomes
from agent.site.scene import Scene

GLYPHS: Mapping[str, str] = {
    "succeeded": "✓", "failed": "✕", "undone": "↺", "stuck": "‼", "missed": "∅", "skipped": "–",
    "replaced": "⇄", "refused": "⊘",
    "interrupted": "‖", "running": "▶", "pending": "…", "ok": "✓", "firing": "▲", "unknown": "?", "done": "✓",
    "doing": "▶", "undoing": "↺", "never": "·",
}  # fmt: skip
"""A mark for each state, so that none is told by its colour alone."""

_SHADES: Mapping[str, str] = {
    **dict.fromkeys(map(str, BAD), "bad"),
    **dict.fromkeys(("succeeded", "ok", "done"), "good"),
    **dict.fromkeys(("running", "interrupted", "firing", "unknown", "doing", "undoing", "pending"), "warn"),
}


def shade(state: str) -> str:
    """Given a state of a run, a step or a threshold, return the class that colours it."""
    return _SHADES.get(state, "idle")


def chip(state: str, shown_as: str = "") -> Markup:
    """Given a state and its shade if it is not the state's own, return the word with its mark."""
    mark = element("i", GLYPHS.get(state, "·"), aria_hidden="true")
    return element("span", mark, " ", state, class_=f"chip {shown_as or shade(state)}")


def link(text: Child, **asked: str | int) -> Markup:
    """Given a text and what to ask for, return a link to that page of this site."""
    return element("a", text, href=f"?{urlencode(asked)}" if asked else "./")


def task_link(name: str) -> Markup:
    """Given the name of a task, return a link to it."""
    return link(name, task=name)


def run_link(number: int) -> Markup:
    """Given the id of a run, return a link to it."""
    return link(f"#{number}", run=number)


def instant(scene: Scene, seconds: float | None) -> Markup:
    """Given an instant, return its date and time, or a dash for None."""
    if seconds is None:
        return Markup("–")
    local = scene.local(seconds)
    day = "%H:%M:%S" if local.date() == scene.local(scene.now).date() else "%a %d %b %H:%M"
    if abs(seconds - scene.now) > 300 * 86_400:
        day = "%d %b %Y %H:%M"
    return element("time", local.strftime(day), datetime=local.isoformat(timespec="seconds"))


def since(scene: Scene, seconds: float | None) -> Markup:
    """Given an instant, return how long ago it was or how far ahead it is, or `never` for None."""
    if seconds is None:
        return Markup("never")
    local = scene.local(seconds)
    return element("time", ago(seconds, scene.now), datetime=local.isoformat(timespec="seconds"))


def took(run: Run) -> str:
    """Given a run, return how long it took, or a dash if it has not both begun and ended."""
    return duration(run.ended - run.started) if run.ended is not None and run.started is not None else "–"


def counted(number: int, what: str) -> str:
    """Given a number and what it counts one of, return both."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def words(reason: str) -> str:
    """Given a reason, return it as words."""
    return reason.replace("_", " ")


def outcome(run: Run) -> Sequence[Child]:
    """Given a run, return how it stands or ended, and the reason."""
    return chip(outcomes.outcome(run)), (" ", element("small", words(run.why))) if run.why else None


def said(run: Run) -> str:
    """Given a run, return the first sentence of its detail: what a command printed is not for everybody to see."""
    first, _, rest = run.detail.partition("\n")
    return first.rpartition("; ")[0] if rest and first.endswith(":") else first


def row_of_runs(runs: Sequence[Run], room: int) -> Markup | None:
    """Given runs, newest first, return a mark for each, oldest first, in a row with room for so many."""
    if not runs:
        return None
    ends = [outcomes.outcome(run) for run in runs]
    good, bad = ends.count(RunOutcome.SUCCEEDED), sum(end in BAD for end in ends)
    return ticks(
        [shade(end) for end in reversed(ends)], f"last {len(runs)} runs: {good} succeeded, {bad} bad", room=room
    )


def card(name: str, title: str, *content: Child, aside: Child = None, wide: bool = False) -> Markup:
    """Given a name for its address, a title and content, return a part of a page with its heading."""
    head = element("div", element("h2", title, id=name), element("p", aside) if aside else None, class_="head")
    kind = "card wide" if wide else "card"
    return element("section", head, content, class_=kind, aria_labelledby=name)


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[Child]]) -> Markup:
    """Given what it shows, headings and rows of cells, return a table; the first cell of a row names it."""
    body = [
        element("tr", element("th", row[0], scope="row"), [element("td", cell) for cell in row[1:]]) for row in rows
    ]
    head = element("thead", element("tr", [element("th", text, scope="col") for text in headings]))
    return element("table", element("caption", caption), head, element("tbody", body))


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """Given names and what each is, return them as a list of facts; what is None is left out."""
    return element(
        "dl",
        [element("div", element("dt", name), element("dd", value)) for name, value in pairs if value is not None],
        class_="facts",
    )


def nothing(sentence: str) -> Markup:
    """Given a sentence that says what there is none of, return it for the place of a list."""
    return element("p", sentence, class_="none")


def more(count: int, what: str, **asked: str | int) -> Markup | None:
    """Given how many are not shown and where they are, return a link to them; None when there are none."""
    if count <= 0:
        return None
    return element("p", link(f"{count} more {what}", **asked) if asked else f"and {count} more {what}", class_="more")
