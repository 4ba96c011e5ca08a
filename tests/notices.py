"""Notices and notifiers for tests, valid and plain; whatever is given differs."""

from __future__ import annotations

from msgspec.structs import replace

from agent.model.notices import Event, Item, Message, Notice
from agent.model.policies import Notifier, Position, Repeat, Severity, Template

NOW = 1_795_000_000.0

NOTIFIER = Notifier(
    name="ops",
    kind="webhook",
    settings={"url_file": "/nonexistent"},
    severity=Severity.INFO,
    group_wait=10.0,
    repeat=Repeat(3600.0, 86400.0),
    quiet=None,
    template=Template("", ""),
    expire=3600.0,
    position=Position("policy.yaml", 1, 1),
)
NOTICE = Notice(
    notifier="ops",
    event=Event.FIRED,
    subject="root-filling",
    key='["root-filling",[["mountpoint","/"]]]',
    severity=Severity.WARNING,
    at=NOW,
    since=NOW,
    signal="disk.used_percent",
    labels=(("mountpoint", "/"),),
    value=93.5,
    description="The root file system is nearly full",
)
MESSAGE = Message(
    id="hostkeeper-0123456789ab",
    receiver="ops",
    made=NOW,
    severity=Severity.WARNING,
    event=Event.FIRED,
    subject="[shop] warning: root-filling fires",
    body="root-filling fires",
    items=(Item(notice=NOTICE, lasted=0.0),),
    host="shop",
)


def notifier(**changes: object) -> Notifier:
    """Return a valid notifier that differs from NOTIFIER in the fields named."""
    return replace(NOTIFIER, **changes)


def notice(**changes: object) -> Notice:
    """Return a notice that differs from NOTICE in the fields named."""
    return replace(NOTICE, **changes)


def message(**changes: object) -> Message:
    """Return a message that differs from MESSAGE in the fields named."""
    return replace(MESSAGE, **changes)
