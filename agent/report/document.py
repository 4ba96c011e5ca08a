"""A report as a document that stands alone: one file, nothing loaded, nothing run."""

from __future__ import annotations

from agent.pages.html import Markup, element, page
from agent.report.ahead import week
from agent.report.capacity import capacity
from agent.report.evidence import proof
from agent.report.overview import day_by_day, sums, verdict
from agent.report.story import Story
from agent.report.style import STYLE
from agent.report.tasks import durations, freed, judged, listed
from agent.report.trouble import failures, holds, policies, skips, taken_back, thresholds
from agent.report.wording import moment

WAYS = (
    *(("days", "What ran"), ("failed", "What went wrong"), ("tasks", "Tasks"), ("took", "Durations")),
    *(("skipped", "Skipped"), ("freed", "Freed"), ("capacity", "Capacity"), ("next", "Next"), ("proof", "Evidence")),
)


def document(story: Story) -> str:
    """Given a story, return the report as HTML."""
    parts = (
        *(day_by_day, failures, listed, durations, skips, freed, judged),
        *(taken_back, thresholds, holds, policies, filling, week, proof),
    )
    made = moment(story.period, story.host.made)
    return page(
        f"Maintenance of {story.host.name}, {story.period}",
        STYLE,
        element(
            "header",
            element("h1", f"Maintenance of {story.host.name}"),
            element("p", str(story.period)),
            element("p", "made ", made, class_="made"),
            element("nav", element("ul", [_way(*way) for way in WAYS]), aria_label="Parts of this report"),
        ),
        element("main", verdict(story), sums(story), element("div", [part(story) for part in parts], class_="grid")),
        element(
            "footer",
            element("span", f"Hostkeeper {story.host.version}"),
            element("span", f"All times are {story.period.zone}"),
        ),
    )


def filling(story: Story) -> Markup:
    """Given a story, return what fills up by the samples that there are when it is told."""
    return capacity(story.present.outlooks, story.period)


def _way(name: str, title: str) -> Markup:
    return element("li", element("a", title, href=f"#{name}"))
