"""What every page has around it: heading, ways to the other pages, foot."""

from __future__ import annotations

from agent import __version__
from agent.pages.html import Child, Markup, element, page
from agent.readable import instant
from agent.site.parts import link
from agent.site.scene import Scene
from agent.site.style import STYLE

PAGES = (("", "Overview"), ("tasks", "Tasks"), ("calendar", "Calendar"), ("history", "History"), ("signals", "Signals"))

_COLOURS = {"good": "#1f8a4d", "warn": "#c98a12", "bad": "#c62f2f"}


def framed(scene: Scene, title: str, *content: Child, view: str = "", refresh: int | None = None) -> str:
    """Given the title of a page, its content and which of PAGES it is or lies under, return the whole document."""
    how = standing(scene)
    return page(
        f"{title} · {scene.host}",
        STYLE,
        element("a", "Skip to the content", href="#main", class_="skip"),
        element(
            "header",
            element("a", "Hostkeeper", href="./", class_="brand"),
            element("span", scene.host, class_="host"),
            element("nav", element("ul", [_way(view, *way) for way in PAGES]), aria_label="Pages"),
        ),
        element("main", content, id="main", tabindex=-1),
        _foot(scene),
        refresh=refresh,
        icon=icon(how),
    )


def standing(scene: Scene) -> str:
    """Return `bad` where something needs a person, `warn` where a threshold fires, else `good`."""
    if scene.picture.trouble:
        return "bad"
    return "warn" if scene.picture.firing else "good"


def icon(how: str) -> Markup:
    """Given how things stand, return the picture that a browser shows beside the title."""
    return element(
        "svg",
        element("circle", cx=8, cy=8, r=7, fill=_COLOURS[how]),
        xmlns="http://www.w3.org/2000/svg",
        viewBox="0 0 16 16",
    )


def _way(view: str, name: str, title: str) -> Markup:
    here = element("a", title, href=f"?view={name}" if name else "./", aria_current="page" if name == view else None)
    return element("li", here)


def _refresh(scene: Scene) -> tuple[Child, ...]:
    """Return how to have the page loaded again by itself, which takes a reader's place away: whoever asks has it."""
    if "refresh" in scene.asked:
        return f"Loaded every {scene.asked['refresh']} s, ", link("stop that")
    return (link("Load every 30 s", refresh=30),)


def _foot(scene: Scene) -> Markup:
    zone = scene.local(scene.now).tzname()
    return element(
        "footer",
        element("span", f"As of {instant(scene.now, scene.zone)} {zone}"),
        element("span", link("Load again", **dict(scene.asked)) if scene.asked else link("Load again")),
        element("span", _refresh(scene)) if not scene.asked.keys() - {"refresh"} else None,
        element("span", f"Hostkeeper {__version__}"),
        element("span", "Read only; the commands are on the host: ", element("code", "hostkeeper --help")),
    )
