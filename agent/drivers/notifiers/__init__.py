"""The drivers of notifiers, one file each; what one needs is imported when it is opened."""

from __future__ import annotations

import importlib
from typing import cast

from agent.drivers.notifier import Driver
from agent.errors import NotFound
from agent.model.notices import Receiver
from agent.model.policies import Notifier

KINDS = ("alertmanager", "apprise", "deadman", "mail", "webhook")


def open_receiver(receiver: Receiver) -> Driver:
    """Given a receiver, return its driver. Raises RunFailed for what an admin has to mend, or NotFound."""
    if receiver.kind not in KINDS:
        raise NotFound(f"there is no notifier of kind {receiver.kind!r}")
    module = importlib.import_module(f"agent.drivers.notifiers.{receiver.kind}")
    return cast(Driver, module.open_receiver(receiver.settings))


def receivers_of(notifier: Notifier) -> tuple[Receiver, ...]:
    """Given a notifier, return the places it sends to: each Alertmanager is one, with a line of its own."""
    urls = [notifier.settings["url"]] if notifier.settings.get("url") else notifier.settings.get("urls", [])
    if notifier.kind != "alertmanager" or len(urls) <= 1:
        settings = {**notifier.settings, "url": urls[0]} if urls else notifier.settings
        return (Receiver(name=notifier.name, notifier=notifier.name, kind=notifier.kind, settings=settings),)
    return tuple(
        Receiver(
            name=f"{notifier.name}/{number}",
            notifier=notifier.name,
            kind=notifier.kind,
            settings={**notifier.settings, "url": url},
        )
        for number, url in enumerate(urls, start=1)
    )
