"""What a notifier is normalised to, and what a schema cannot say of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.policy.normalise import Complaint
from agent.rules.notices.template import BODY, SUBJECT, TemplateError, parse

KINDS = ("alertmanager", "apprise", "deadman", "mail", "webhook")
"""What a notifier may be; the others of its keys are its manners."""


def body_of(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Given a normalised notifier, return it as a fragment's JSON holds it."""
    (kind,) = thing.keys() & set(KINDS)
    manners = {key: value for key, value in thing.items() if key != kind}
    return {"kind": kind, "settings": thing[kind], **manners}


def complaints_of(notifiers: Mapping[str, Any]) -> Iterator[Complaint]:
    """Given normalised notifiers, which may lack what their schema complains of, yield what is wrong with them."""
    for name, thing in notifiers.items():
        path = ("notifiers", name)
        template = thing.get("template") or {}
        for key, known in (("subject", SUBJECT), ("body", BODY)):
            try:
                parse(template.get(key, ""), known)
            except TemplateError as error:
                yield (*path, "template", key), error.wrong, error.right
        repeat, quiet = thing.get("repeat"), thing.get("quiet")
        if repeat and repeat["first"] > repeat["most"]:
            yield (*path, "repeat", "first"), "it is longer than `most`", "give a shorter time"
        if quiet and quiet.get("from") == quiet.get("to"):
            yield (*path, "quiet", "to"), "it is the same as `from`", "give another time of day, or leave `quiet` out"
        mail = thing.get("mail") or {}
        if mail.get("user") and mail.get("security") == "none" and not _is_local(mail.get("host", "")):
            yield (
                (*path, "mail", "user"),
                "the password would cross the network unprotected",
                "add `security: starttls`",
            )


def _is_local(host: str) -> bool:
    return host in ("localhost", "::1") or host.startswith("127.")
