"""Whether the history that the report is made from is what was written."""

from __future__ import annotations

from agent.pages.html import Markup, element
from agent.readable import duration
from agent.report.story import Story
from agent.report.wording import count, many
from agent.site.parts import card, chip, facts


def proof(story: Story) -> Markup:
    """Return the verdict on the chain, what it rests upon, and the head that a reader can keep."""
    verdict = story.verdict
    if verdict.intact:
        state = element("p", chip("ok"), " Every record, run and step is what was written, and all are there.")
    else:
        named = [element("li", element("b", found.fault), f": {found.sentence}") for found in verdict.findings]
        more = element("li", f"and {count(verdict.more)} more") if verdict.more else None
        sentence = element("p", chip("failed"), " What this report says may not be what happened:")
        state = element("div", sentence, element("ul", named, more))
    against = (
        f"Compared with {many(verdict.heads, 'head')} known outside the store."
        if verdict.heads
        else "Compared with no head from outside the store: whether its end was cut off or all of it was written anew "
        "would not show."
    )
    head = f"{verdict.head.seq}:{verdict.head.hash}" if verdict.head else "none"
    return card(
        "proof",
        "Can this be trusted?",
        state,
        element("p", against),
        facts(
            [
                ("Records", count(verdict.records)),
                ("Runs compared", count(verdict.runs)),
                ("Forgotten at the age of", duration(verdict.kept) if verdict.kept is not None else None),
            ]
        ),
        element("p", "Keep this head. Whoever has it can prove later that the history up to here was not changed:"),
        element("pre", head, class_="headline"),
        element("p", element("small", element("code", f"hostkeeper history verify --head {head[:24]}..."))),
        wide=True,
    )
