"""Where the backups of each task stand."""

from __future__ import annotations

from agent.engine.backups import flaws
from agent.pages.html import Child, Markup, element
from agent.site.parts import card, chip, more, since, table, task_link
from agent.site.scene import Scene
from agent.store.ledger import Standing

LISTED = 10


def backups(scene: Scene) -> Markup | None:
    """Return how old the newest backup of each task is, when one was last proven, and what is wrong; those first.

    Nothing when no task makes any.
    """
    found = sorted(scene.picture.backups, key=lambda one: (not flaws(one), one.task, one.repository))
    if not found:
        return None
    rows = [
        (
            (task_link(one.task), element("small", one.repository)),
            (since(scene, one.newest.began), element("small", one.newest.level)) if one.newest else "never",
            since(scene, one.last_proof.at if one.last_proof else None),
            _state(one),
        )
        for one in found[:LISTED]
    ]
    return card(
        "backups",
        "Backups",
        table("Backups of each task", ("Task", "Newest", "Proven", "Flaws"), rows),
        more(len(found) - LISTED, "tasks make backups: `hostkeeper status`"),
    )


def _state(standing: Standing) -> Child:
    wrong = flaws(standing)
    return chip(", ".join(wrong), "bad") if wrong else "none"
