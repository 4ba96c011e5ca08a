"""Which page an address asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from agent.errors import NotFound
from agent.pages.html import Child, element
from agent.site import days, history, overview, signals, tasks
from agent.site.frame import framed
from agent.site.parts import link
from agent.site.scene import Scene

REFRESH = (10, 3600)
"""Seconds that a browser may be told to wait before it asks again."""

_VIEWS: Mapping[str, tuple[str, Callable[[Scene], tuple[Child, ...]]]] = {
    "tasks": ("Tasks", tasks.whole),
    "calendar": ("Calendar", days.whole),
    "history": ("History", history.whole),
    "signals": ("Signals", signals.whole),
}


def answer(scene: Scene) -> tuple[int, str]:
    """Given what there is and what is asked for, return the status of the answer and the page."""
    asked = scene.asked
    if "task" in asked:
        content = tasks.one(scene, asked["task"])
        return (200, framed(scene, asked["task"], content, view="tasks")) if content else _nothing(scene)
    if "run" in asked:
        number = scene.number("run", 1, 2**62)
        try:
            run = scene.store.runs.get(number or 0)
        except NotFound:
            return _nothing(scene)
        return 200, framed(scene, f"Run {run.id}", history.one(scene, run), view="history")
    if "view" in asked:
        if asked["view"] not in _VIEWS:
            return _nothing(scene)
        title, whole = _VIEWS[asked["view"]]
        return 200, framed(scene, title, whole(scene), view=asked["view"])
    return 200, framed(scene, _title(scene), overview.whole(scene), refresh=scene.number("refresh", *REFRESH))


def _title(scene: Scene) -> str:
    found = len(scene.picture.trouble)
    return f"{found} to look at" if found else "All is well"


def _nothing(scene: Scene) -> tuple[int, str]:
    content = (
        element("h1", "There is no such page"),
        element("p", "What it was about may be gone. ", link("Overview")),
    )
    return 404, framed(scene, "No such page", content, view="-")
