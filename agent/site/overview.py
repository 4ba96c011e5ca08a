"""The page at the root: everything that matters, and ways to the rest."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType

from agent.pages.html import Child, element
from agent.rules.upcoming import Upcoming
from agent.site.backups import backups
from agent.site.days import ahead, calendar, coming, days_shown, scale, too_many
from agent.site.history import recent
from agent.site.parts import card, link
from agent.site.present import at_work, band, holds, mistakes, verdict
from agent.site.scene import Scene
from agent.site.signals import signals, thresholds
from agent.site.tasks import last_runs

Part = Callable[[Scene], Child]

PATIENCE = 3.0
"""Seconds that one part may take."""

DAYS = 3


class _TooLong(Exception):
    """A part took longer than PATIENCE."""


def whole(scene: Scene) -> tuple[Child, ...]:
    """Return the overview. A part that cannot be drawn says so in its place; the others are drawn."""
    what_is_next, days_to_come = _calendar(scene)

    def drawn(*parts: tuple[str, Part]) -> list[Child]:
        return [guarded(title, part, scene) for title, part in parts]

    return (
        drawn(("Whether all is well", verdict), ("The agent", band)),
        element(
            "div",
            drawn(("What is at work", at_work), ("Mistakes", mistakes), ("Holds", holds)),
            drawn(("Signals", lambda scene: signals(scene, 12))),
            element(
                "div",
                drawn(("What is next", what_is_next), ("Last runs", lambda scene: last_runs(scene, 10))),
                class_="column",
            ),
            element(
                "div",
                drawn(("Thresholds", thresholds), ("Backups", backups), ("History", lambda scene: recent(scene, 10))),
                class_="column",
            ),
            drawn(("Days to come", days_to_come)),
            class_="grid",
        ),
    )


def _calendar(scene: Scene) -> tuple[Part, Part]:
    """Return the parts that look ahead: the first does the looking, for both."""
    days = min(DAYS, days_shown(scene))
    found: list[Upcoming] = []

    def what_is_next(scene: Scene) -> Child:
        if not days:
            return card("next", "Next", too_many())
        found.append(ahead(scene, days))
        return coming(scene, found[0], 8)

    def days_to_come(scene: Scene) -> Child:
        if not found:
            return None
        shown = calendar(scene, found[0], days, unfolded=0, groups=10)
        way = element("p", link("Calendar", view="calendar"), class_="more")
        return card("days", "Days to come", shown, scale(), way, wide=True)

    return what_is_next, days_to_come


def guarded(title: str, part: Part, scene: Scene) -> Child:
    """Given a part of a page, draw it; what keeps it from being drawn is said in its place, and on standard error."""
    before = signal.signal(signal.SIGALRM, _give_up)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        return part(scene)
    except Exception as error:  # whatever it is, the other parts are worth showing
        print(f"status page: {title}: {type(error).__name__}: {error}", file=sys.stderr)
        told = "it took too long" if isinstance(error, _TooLong) else str(error)
        return card(title.lower().replace(" ", "-"), title, element("p", f"This cannot be shown: {told}"))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise _TooLong
