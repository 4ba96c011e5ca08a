"""Messages in words: subjects of one line, bounded bodies, and nothing that a terminal or a header obeys. Pure."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from agent.model.notices import Event, Item
from agent.model.policies import Severity, Template
from agent.readable import duration, instant
from agent.rules.masking import mask
from agent.rules.notices.grouping import RANK
from agent.rules.notices.template import fill

SUBJECT_MOST, BODY_MOST, ITEMS_MOST, DETAIL_MOST = 150, 3500, 20, 300
"""Characters of a subject, of a body and of a detail, and how many things a body tells one by one."""

_HARMFUL = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_VERBS = {
    Event.FIRED: "fires",
    Event.CLEARED: "is over",
    Event.REMINDER: "still fires",
    Event.START: "has begun",
    Event.SUCCESS: "succeeded",
    Event.TRY: "failed and is tried again",
    Event.FAILURE: "failed",
    Event.RECOVERY: "succeeded again",
    Event.MISSED: "was missed",
    Event.SKIPPED: "was skipped",
    Event.HELD: "is held",
}
_ORDER = (
    *(Event.FIRED, Event.HELD, Event.FAILURE, Event.MISSED, Event.REMINDER),
    *(Event.TRY, Event.CLEARED, Event.RECOVERY, Event.SKIPPED, Event.SUCCESS, Event.START),
)
"""What a message tells first."""

_LASTED = {Event.CLEARED: "it lasted", Event.REMINDER: "for", Event.RECOVERY: "it failed for"}

_DEFAULT = Template("[{host}] {severity}: {summary}", "{items}")


def one_line(text: str, most: int) -> str:
    """Given text from anywhere, return it on one line of at most `most` characters, with nothing that acts in it."""
    plain = " ".join(_harmless(text, "").split())
    return plain if len(plain) <= most else plain[: most - 3] + "..."


def many_lines(text: str, most: int) -> str:
    """Given text from anywhere, return it with its line ends and nothing else that acts; what is too much goes."""
    plain = _harmless(text.replace("\r\n", "\n"), "\n")
    return plain if len(plain) <= most else f"{plain[:most]}\n... ({len(plain) - most} more characters)"


def _harmless(text: str, kept: str) -> str:
    return "".join(char if char in kept or unicodedata.category(char) not in _HARMFUL else " " for char in text)


def ordered(items: Sequence[Item]) -> list[Item]:
    """Given what a message tells, return the worst first."""
    return sorted(items, key=lambda item: (-RANK[item.notice.severity], _ORDER.index(item.notice.event)))


def worst(items: Sequence[Item]) -> Severity:
    """Given what a message tells, return its worst severity."""
    return max((item.notice.severity for item in items), key=RANK.__getitem__, default=Severity.INFO)


def leading(items: Sequence[Item]) -> Event:
    """Given what a message tells, return the event that it tells first."""
    return min((item.notice.event for item in items), key=_ORDER.index)


def summary(items: Sequence[Item]) -> str:
    """Given what a message tells, return it in half a line."""
    if len(items) == 1:
        notice = items[0].notice
        value = f": {notice.signal} is {notice.value:g}" if notice.value is not None and _is_on(notice.event) else ""
        lasted = f" after {duration(items[0].lasted)}" if notice.event is Event.CLEARED else ""
        return f"{notice.subject}{_named(items[0])} {_VERBS[notice.event]}{lasted}{value}"
    counted = Counter(item.notice.event for item in items)
    plural = {Event.FIRED: "fire", Event.CLEARED: "are over", Event.REMINDER: "still fire", Event.HELD: "are held"}
    verbs = _VERBS | plural
    return ", ".join(
        f"{counted[event]} {verbs[event] if counted[event] > 1 else _VERBS[event]}"
        for event in _ORDER
        if counted[event]
    )


def _is_on(event: Event) -> bool:
    return event in (Event.FIRED, Event.REMINDER)


def _named(item: Item) -> str:
    return f" (run {item.notice.run})" if item.notice.run else ""


def paragraph(item: Item, zone: tzinfo) -> str:
    """Given one thing that is told, return the lines that tell it."""
    notice = item.notice
    head = f"{notice.subject}{_named(item)} {_VERBS[notice.event]} ({notice.severity})"
    at = instant(notice.at, zone)
    lines = [f"{head}, {at}" if not item.unheard else f"{notice.subject} came and went ({notice.severity}), {at}"]
    if notice.signal:
        series = ", ".join(f"{name}={value}" for name, value in notice.labels)
        value = "no data" if notice.value is None else f"{notice.value:g}"
        lines.append(f"{notice.signal}{f' ({series})' if series else ''}: {value}")
    if notice.event in _LASTED:
        lines.append(f"{_LASTED[notice.event]} {duration(item.lasted)}")
    lines += [part for part in (notice.description, notice.detail) if part]
    lines += [f"done: {done}" for done in item.done]
    first, *rest = (one_line(mask(line), DETAIL_MOST) for line in lines)
    return "\n  ".join([first, *rest])


def words(template: Template, host: str, items: Sequence[Item], zone: tzinfo) -> tuple[str, str]:
    """Given the template of a notifier and what is told, worst first, return subject and body."""
    shown = [paragraph(item, zone) for item in items[:ITEMS_MOST]]
    if len(items) > ITEMS_MOST:
        shown.append(f"... and {len(items) - ITEMS_MOST} more: hostkeeper status")
    names = ", ".join(dict.fromkeys(item.notice.subject for item in items))
    values = {
        "count": str(len(items)),
        "event": leading(items).value,
        "host": host,
        "items": "\n".join(shown),
        "names": one_line(names, SUBJECT_MOST),
        "severity": worst(items).value,
        "summary": one_line(mask(summary(items)), SUBJECT_MOST),
    }
    return finished(template, values)


def finished(template: Template, values: dict[str, str]) -> tuple[str, str]:
    """Given a template and what its placeholders stand for, return subject and body, bounded and harmless."""
    subject = fill(template.subject or _DEFAULT.subject, values)
    body = fill(template.body or _DEFAULT.body, values)
    return one_line(subject, SUBJECT_MOST), many_lines(body, BODY_MOST)
