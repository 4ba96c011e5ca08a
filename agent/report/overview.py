"""The top of a report: the verdict in one sentence, the sums, and what ran from day to day."""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.runs import BAD, IDLE, RunOutcome
from agent.pages.charts import ceiling_of_counts, columns, plot
from agent.pages.html import Markup, element
from agent.readable import duration, size
from agent.report.story import DELETED, FREED, Story
from agent.report.wording import count, evenly, many, opened, share
from agent.site.parts import card, facts, nothing, table

MOST_TROUBLE = 8
FEW = 8
"""So many columns have a label each."""


def verdict(story: Story) -> Markup:
    """Return the banner: how it went, and what needs a person."""
    trouble = _trouble(story)
    bad = story.total(*BAD)
    if not story.verdict.intact:
        how, mark, sentence = "bad", "✕", "This history is not what was written"
    elif trouble:
        how, mark, sentence = "bad", "✕", f"{many(len(trouble), 'thing')} need{'s' * (len(trouble) == 1)} a person"
    elif bad:
        how, mark, sentence = (
            "warn",
            "▲",
            f"{many(bad, 'run')} went wrong{'; nothing needs a person now' if story.is_current else ''}",
        )
    elif story.total():
        how, mark, sentence = "good", "✓", "All maintenance went well"
    else:
        how, mark, sentence = "idle", "–", "Nothing ran in this time"
    listed = element("ul", [element("li", text) for text in trouble[:MOST_TROUBLE]]) if trouble else None
    left = len(trouble) - MOST_TROUBLE
    return element(
        "section",
        element("h1", element("i", mark, aria_hidden="true"), sentence),
        listed,
        element("p", f"and {left} more") if left > 0 else None,
        class_=f"verdict {how}",
    )


def _trouble(story: Story) -> list[str]:
    found = [found.sentence for found in story.verdict.findings]
    if not story.is_current:
        return found
    if story.present.damage:
        found.append(f"how things stand now cannot be told: {story.present.damage}")
    if story.present.mistakes and story.present.picture is None:
        found.append("the policy files have mistakes")
    return found + list(story.present.picture.trouble if story.present.picture else ())


def sums(story: Story) -> Markup:
    """Return the sums over all runs."""
    total = story.total()
    good, bad, idle = story.total(RunOutcome.SUCCEEDED), story.total(*BAD), story.total(*IDLE)
    seconds = sum(ending.seconds for ending in story.endings)
    pairs = [
        ("Runs", count(total)),
        ("Succeeded", f"{count(good)} ({share(good, total)})" if total else None),
        ("Went wrong", count(bad)),
        ("Skipped", count(idle)),
        ("Time at work", duration(seconds) if total else None),
        ("Objects deleted", count(story.sum_of(DELETED))),
        ("Space freed", size(story.sum_of(FREED))),
        ("Steps taken back", count(sum(number for _, _, number, _ in story.taken_back))),
    ]
    big = [(name, element("b", value)) for name, value in pairs if value is not None]
    return element("div", facts(big), class_="band sums")


def day_by_day(story: Story) -> Markup:
    """Return the chart of all runs over time, with its numbers behind it."""
    names = [story.period.name(*pair) for pair in zip(story.edges, story.edges[1:], strict=False)]
    parts = [_parts(one) for one in story.slices]
    if not story.total():
        return card("days", "What ran when", nothing("No run ended in this time."), wide=True)
    top = ceiling_of_counts(max(sum(one.values()) for one in parts))
    slices = [(f"{name}: {_words(one)}", one) for name, one in zip(names, parts, strict=True)]
    worst = max(range(len(parts)), key=lambda index: parts[index]["bad"])
    label = f"Runs over time, {story.period}: {_words(_summed(parts))}."
    if parts[worst]["bad"]:
        label += f" Most went wrong in: {names[worst]}."
    few = len(slices) <= FEW
    below = [story.period.short(edge) for edge in (story.edges[:-1] if few else story.edges)]
    levels = [count(top), count(top / 2), "0"]
    chart = plot(columns(slices, top, label), levels, below if few else evenly(below, 5), each=few)
    rows = [
        (name, count(one["good"]), count(one["bad"]), count(one["idle"]))
        for name, one in zip(names, parts, strict=True)
        if sum(one.values())
    ]
    numbers = opened("The same as numbers", table(label, ("When", "Succeeded", "Went wrong", "Skipped"), rows))
    return card("days", "What ran when", _legend(), chart, numbers, aside="point at a column to read it", wide=True)


def _parts(counts: Mapping[RunOutcome, int]) -> dict[str, float]:
    return {
        "good": counts.get(RunOutcome.SUCCEEDED, 0),
        "bad": sum(counts.get(outcome, 0) for outcome in BAD),
        "idle": sum(counts.get(outcome, 0) for outcome in IDLE),
    }


def _summed(parts: list[dict[str, float]]) -> dict[str, float]:
    return {name: sum(one[name] for one in parts) for name in ("good", "bad", "idle")}


def _words(parts: Mapping[str, float]) -> str:
    said = (("succeeded", parts["good"]), ("went wrong", parts["bad"]), ("skipped", parts["idle"]))
    return ", ".join(f"{count(number)} {what}" for what, number in said if number) or "nothing"


def _legend() -> Markup:
    kinds = (
        ("good", "succeeded"),
        ("bad", "went wrong: failed, undone, stuck or missed"),
        ("idle", "skipped, replaced or refused"),
    )
    keys = [element("li", _swatch(name), text) for name, text in kinds]
    return element("ul", keys, class_="legend")


def _swatch(name: str) -> Markup:
    return element("svg", element("rect", width=10, height=10, class_=name), viewBox="0 0 10 10", aria_hidden="true")
