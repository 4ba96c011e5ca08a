"""One reason as `hostkeeper why` gives it."""

from __future__ import annotations

from msgspec import Struct

from agent.model.explanations import explain


class Answer(Struct, frozen=True):
    """One reason: what it is about, the word, what the word means, and when it came to be."""

    about: str
    reason: str
    meaning: str
    at: float | None = None
    detail: str = ""


def answer(about: str, reason: str, at: float | None = None, detail: str = "") -> Answer:
    """Given what a reason is about, return it with its meaning."""
    return Answer(about, reason, explain(reason), at, detail)
