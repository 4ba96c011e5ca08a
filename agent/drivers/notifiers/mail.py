"""Mail through an SMTP server (RFC 5321), with a Message-ID that stays the same however often it is sent."""

from __future__ import annotations

import contextlib
import os
import smtplib
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from agent.drivers.notifier import SECONDS
from agent.drivers.notifiers._address import hide
from agent.host.secrets import read_secret
from agent.model.notices import GOOD, Answer, Message
from agent.model.policies import Severity
from agent.rules.notices.wording import one_line

_TAKES = SECONDS / 3
"""Seconds that each answer of the server may take; sending one mail waits for several."""


class Mail:
    """Sends mail to some addresses at once; the settings are those of the schema."""

    def __init__(self, settings: Mapping[str, Any], password: str, host: str) -> None:
        self._settings = settings
        self._password = password
        self._from = settings["from"] or f"hostkeeper@{host}"

    def send(self, message: Message) -> Answer:
        """Send a message to all addresses. Taken by the server for one of them, it counts as delivered."""
        try:
            with self._connected() as server:
                refused = server.send_message(self._mail(message))
        except smtplib.SMTPAuthenticationError as error:
            # It is not the message that is refused: a password can be mended.
            return Answer(delivered=False, said=f"status {error.smtp_code}: the server does not let us in")
        except smtplib.SMTPResponseException as error:
            return self._answer(error.smtp_code, error.smtp_error)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = min(error.recipients.values())
            return self._answer(code, text)
        except (OSError, smtplib.SMTPException, ValueError) as error:
            said = getattr(error, "strerror", None) or str(error) or type(error).__name__
            return Answer(delivered=False, said=self._hidden(said))
        lost = f", but not for {len(refused)} of the addresses" if refused else ""
        return Answer(delivered=True, said=f"taken by {self._settings['host']}{lost}")

    def alive(self) -> Answer:
        """Say nothing: nobody waits for it."""
        return Answer(delivered=True, said="")

    @contextlib.contextmanager
    def _connected(self) -> Any:
        settings, context = self._settings, ssl.create_default_context()
        kind: Callable[..., smtplib.SMTP] = smtplib.SMTP
        more: dict[str, Any] = {}
        if settings["security"] == "tls":
            kind, more = smtplib.SMTP_SSL, {"context": context}
        with kind(settings["host"], settings["port"], timeout=_TAKES, **more) as server:
            if settings["security"] == "starttls":
                server.starttls(context=context)
            if settings["user"]:
                server.login(settings["user"], self._password)
            yield server

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP)
        mail["From"], mail["To"] = self._from, ", ".join(self._settings["to"])
        mail["Subject"] = one_line(message.subject, 200)
        mail["Date"] = format_datetime(datetime.fromtimestamp(message.made, UTC))
        mail["Message-ID"] = f"<{message.id}@{self._from.rpartition('@')[2]}>"
        # RFC 3834: nobody's holiday answers this.
        mail["Auto-Submitted"] = "auto-generated"
        if message.severity is Severity.CRITICAL and message.event not in GOOD:
            mail["Importance"] = "high"
        mail.set_content(message.body + "\n")
        return mail

    def _answer(self, code: int, text: bytes | str) -> Answer:
        shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
        return Answer(delivered=False, said=f"status {code}: {self._hidden(shown)}", permanent=500 <= code < 600)

    def _hidden(self, text: str) -> str:
        return one_line(hide(text, [self._password] if self._password else []), 200)


def open_receiver(settings: Mapping[str, Any]) -> Mail:
    """Given the settings, return the driver. Raises RunFailed when there is no password where one should be."""
    password = read_secret(settings["password_file"]) if settings["password_file"] else ""
    return Mail(settings, password, os.uname().nodename)
