"""What an analysis concludes: findings, and numbers for thresholds and metrics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.actions.logs._counting import Counting
from agent.actions.logs._state import State, Tally
from agent.model.findings import Finding
from agent.model.policies import Severity
from agent.model.signals import Sample, labels
from agent.rules.sudden import Change
from agent.rules.templates import LEVELS, OTHER, Template

MOST_REPORTED = 50
"""So many new templates of one run become findings of their own."""

MOST_SHOWN = 50
"""So many templates of one run are signals: those with the most messages."""

_TEXT = 120
_SEVERITY = {
    **dict.fromkeys(("emergency", "alert", "critical"), Severity.CRITICAL),
    **dict.fromkeys(("error", "warning"), Severity.WARNING),
}
_READ = "read it; if it is harmless, `hostkeeper findings --forget {}`: it is known from now on"


def of_new(task: str, template: Template, source: str, sample: str, now: float) -> Finding:
    """Given a template that was never seen before, the log it is from and a message, return the finding."""
    name = f"template-{template.id}"
    return Finding(
        task=task,
        id=name,
        severity=_SEVERITY.get(template.level, Severity.INFO),
        subject=source,
        sentence=f"a message ({template.level}) that was never seen before: {template.text[:500]}",
        remedy=_READ.format(name),
        samples=(sample,) if sample else (),
        first_seen=template.first,
        last_seen=now,
    )


def of_many(task: str, number: int, source: str, now: float) -> Finding:
    """Given how many more new templates a run met, return the finding that stands for all of them."""
    return Finding(
        task=task,
        id="templates-many",
        severity=Severity.WARNING,
        subject=source,
        sentence=f"{number:,} more messages that were never seen before than a run reports one by one",
        remedy="look whether a program was changed, or writes a log that is none",
        first_seen=now,
        last_seen=now,
    )


def of_changes(task: str, changes: Iterable[Change], state: State, counting: Counting, now: float) -> Iterator[Finding]:
    """Given what changed suddenly, yield a finding of each."""
    templates = {template.id: template for template in state.templates}
    for change in changes:
        kind, _, name = change.series.partition(":")
        template = templates.get(int(name)) if kind == "template" else None
        if kind == "template" and template is None:
            continue
        what = f"messages of level {name}" if template is None else f"messages `{template.text[:300]}`"
        level = name if template is None else template.level
        worse = change.rose and level in _SEVERITY
        sample = counting.sample(template.id) if template is not None else ""
        yield Finding(
            task=task,
            id=f"sudden-{kind}-{name}-{'rise' if change.rose else 'fall'}",
            severity=Severity.WARNING if worse else Severity.INFO,
            subject=what,
            sentence=f"{change.count:,} in this hour, where {change.usual:g} are usual by the last {change.days} days",
            remedy="look what happened then" if change.rose else "look whether what writes them is still at work",
            samples=(sample,) if sample else (),
            first_seen=now,
            last_seen=now,
        )


def series_of(counts: Iterable[tuple[tuple[int, str], int]]) -> dict[str, int]:
    """Given counts by template and level, return them by the series whose changes are watched."""
    found: dict[str, int] = {}
    for (template, level), number in counts:
        for name in (f"level:{level}", *((f"template:{template}",) if template != OTHER else ())):
            found[name] = found.get(name, 0) + number
    return found


def numbers(state: State, tally: Tally) -> list[Sample]:
    """Return what the last run counted as signals, named without the task."""
    known = {template.id: template for template in state.templates}
    busiest = sorted(tally.templates.items(), key=lambda item: (-item[1], item[0]))
    shown = [(known[number], count) for number, count in busiest if number in known][:MOST_SHOWN]
    found = [
        Sample("lines", (), float(tally.lines)),
        Sample("new_templates", (), float(tally.new)),
        Sample("templates", (), float(len(state.templates))),
        Sample("lost", (), float(tally.lost)),
        *(Sample("messages", labels({"level": level}), float(tally.levels.get(level, 0))) for level in LEVELS),
    ]
    seen = set()
    for template, count in shown:
        key = labels({"level": template.level, "template": template.text[:_TEXT]})
        if key not in seen:
            seen.add(key)
            found.append(Sample("template_messages", key, float(count)))
    return found
