"""Everything that Apprise knows: chats, pushes, SMS. Its library is an extra, imported when a message is to be sent."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from agent.drivers.notifiers._address import address_of, hide, secrets_of
from agent.errors import RunFailed
from agent.host.extras import extra
from agent.model.notices import GOOD, Answer, Message
from agent.model.policies import Severity
from agent.rules.notices.wording import one_line

_MISSING = (
    "Apprise is not installed: `apt install apprise` on Debian, `pip install 'hostkeeper[notify]'` where it is from a "
    "wheel; or use a notifier of kind mail or webhook"
)
_SENTENCES = 5


class Apprise:
    """Sends to one Apprise URL; long messages are split as the service allows."""

    def __init__(self, url: str) -> None:
        self._library = library = extra("apprise", _MISSING)
        self._secrets = secrets_of(url)
        asset = library.AppriseAsset(app_id="Hostkeeper", app_desc="Hostkeeper", secure_logging=True)
        with _heard():
            # One service, which sends in the thread that asks it to.
            self._service = library.Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
        if not self._service:
            raise RunFailed(
                "the address of the notifier is none that Apprise knows: see https://appriseit.com/services"
            )
        if "overflow=" not in url:
            self._service.overflow_mode = library.OverflowMode.SPLIT

    def send(self, message: Message) -> Answer:
        """Send a message; what Apprise logs meanwhile is the answer, since it says no more than whether it worked."""
        with _heard() as sentences:
            delivered = bool(
                self._service.notify(
                    title=message.subject,
                    body=message.body or message.subject,
                    notify_type=self._kind(message),
                    body_format=self._library.NotifyFormat.TEXT,
                )
            )
        if delivered:
            return Answer(delivered=True, said="taken")
        said = one_line(hide(" ".join(sentences) or "Apprise could not deliver it", self._secrets), 300)
        return Answer(delivered=False, said=said)

    def _kind(self, message: Message) -> Any:
        kinds = self._library.NotifyType
        if message.event in GOOD:
            return kinds.SUCCESS
        return {Severity.INFO: kinds.INFO, Severity.WARNING: kinds.WARNING, Severity.CRITICAL: kinds.FAILURE}[
            message.severity
        ]

    def alive(self) -> Answer:
        """Say nothing: nobody waits for it."""
        return Answer(delivered=True, said="")


@contextlib.contextmanager
def _heard() -> Iterator[list[str]]:
    """Keep to ourselves what Apprise says meanwhile in this thread; it goes no further, since it may name secrets."""
    sentences: list[str] = []
    here = threading.get_ident()

    def hear(record: logging.LogRecord) -> bool:
        if record.thread != here:
            return True
        if record.levelno >= logging.WARNING and len(sentences) < _SENTENCES:
            sentences.append(record.getMessage())
        return False

    logger = logging.getLogger("apprise")
    logger.addFilter(hear)
    try:
        yield sentences
    finally:
        logger.removeFilter(hear)


def open_receiver(settings: Mapping[str, Any]) -> Apprise:
    """Given the settings, return the driver. Raises RunFailed."""
    return Apprise(address_of(settings))
