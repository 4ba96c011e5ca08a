"""What a run executes: the task exactly as it was validated, as text that the store keeps by digest.

A run that applies a plan carries the plan's instant and the fingerprints that its steps must still have.
"""

from __future__ import annotations

import json

from msgspec import Struct
from msgspec.structs import asdict, replace

from agent.digests import sha256
from agent.model.policies import (
    Breaker,
    Category,
    Limits,
    Notify,
    Overlap,
    Position,
    Priority,
    Retry,
    Schedule,
    Severity,
    Task,
)


class Document(Struct, frozen=True):
    """A task to execute. `now` (seconds since the epoch) and `expect` (step name, fingerprint) come from a plan."""

    task: Task
    now: float | None = None
    expect: tuple[tuple[str, str], ...] | None = None


def dump(document: Document) -> str:
    """Given a document, return its canonical text, equal for equal documents."""
    return json.dumps(document, default=asdict, sort_keys=True, separators=(",", ":"))


def task_digest(task: Task) -> str:
    """Given a task, return a digest of what it does; where its file says so does not count."""
    placeless = replace(task, position=Position("", 0, 0))
    return sha256(dump(Document(placeless)).encode()).hexdigest()


def load(text: str) -> Document:
    """Given a document's text, return the document."""
    body = json.loads(text)
    expect = body["expect"]
    return Document(
        task=_task(body["task"]),
        now=body["now"],
        expect=None if expect is None else tuple((str(name), str(mark)) for name, mark in expect),
    )


def _task(fields: dict[str, object]) -> Task:
    known: dict[str, type] = {"limits": Limits, "retry": Retry, "position": Position}
    optional: dict[str, type] = {"schedule": Schedule, "at_most": Breaker}
    words: dict[str, type] = {"category": Category, "priority": Priority, "overlap": Overlap}
    values = dict(fields)
    for name, kind in (known | optional).items():
        part = values[name]
        values[name] = kind(**part) if isinstance(part, dict) else None
    for name, word in words.items():
        values[name] = word(values[name])
    notify = values.get("notify")
    if isinstance(notify, dict):
        values["notify"] = Notify(tuple(notify["to"]), tuple(notify["on"]), Severity(notify["severity"]))
    values["mutes"] = tuple(values.get("mutes", ()))  # type: ignore[arg-type]  # as below
    values["needs"] = tuple(values["needs"])  # type: ignore[arg-type]  # a JSON array by construction
    return Task(**values)  # type: ignore[arg-type]  # the fields are Task's own, written by `dump`
