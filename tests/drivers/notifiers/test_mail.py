"""Mail against a real server of SMTP."""

from __future__ import annotations

import email
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword

from agent.drivers.notifiers.mail import open_receiver
from agent.model.notices import Event
from agent.model.policies import Severity
from tests.notices import message


class Box:
    """Keeps what the server takes; `refuses` is what it says to each mail instead, `rcpt` to each address."""

    def __init__(self, refuses: str = "", rcpt: str = "") -> None:
        self.refuses = refuses
        self.rcpt = rcpt
        self.mails: list[EmailMessage] = []
        self.to: list[list[str]] = []

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _: Any) -> str:  # noqa: N802
        if self.rcpt:
            return self.rcpt
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.refuses:
            return self.refuses
        self.to.append(envelope.rcpt_tos)
        self.mails.append(email.message_from_bytes(cast(bytes, envelope.content), policy=default))
        return "250 OK"


@contextmanager
def server(box: Box, **more: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    controller = Controller(box, hostname="127.0.0.1", port=port, **more)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


def settings(port: int, **changes: Any) -> dict[str, Any]:
    plain = {"host": "127.0.0.1", "port": port, "security": "none", "user": None, "password_file": None}
    return {**plain, "from": "hostkeeper@shop.example", "to": ["ops@shop.example", "boss@shop.example"], **changes}


def test_mail_is_taken_with_an_id_that_stays_the_same() -> None:
    box = Box()
    with server(box) as port:
        driver = open_receiver(settings(port))
        assert [driver.send(message()).delivered for _ in range(2)] == [True, True]
    first, second = box.mails
    assert first["Message-ID"] == second["Message-ID"] == f"<{message().id}@shop.example>"
    assert first["Auto-Submitted"] == "auto-generated"
    assert box.to[0] == ["ops@shop.example", "boss@shop.example"]
    assert text_of(first) == "root-filling fires\n"


def test_mail_with_line_ends_in_its_subject_gets_no_header_more() -> None:
    box = Box()
    evil = message(
        subject="down\r\nBcc: everybody@evil.example\n\nbody", body="größe\n.\nend", severity=Severity.CRITICAL
    )
    with server(box) as port:
        assert open_receiver(settings(port)).send(evil).delivered
        assert open_receiver(settings(port)).send(message(severity=Severity.CRITICAL, event=Event.CLEARED)).delivered
    mail, over = box.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "down Bcc: everybody@evil.example body"
    assert text_of(mail) == "größe\n.\nend\n"
    assert box.to == 2 * [["ops@shop.example", "boss@shop.example"]]
    assert (mail["Importance"], over["Importance"]) == ("high", None)


@pytest.mark.parametrize(
    ("box", "permanent"),
    [
        (Box(refuses="451 later"), False),
        (Box(refuses="554 never"), True),
        (Box(rcpt="450 mailbox busy"), False),
        (Box(rcpt="550 no such mailbox"), True),
    ],
)
def test_mail_that_is_refused_is_told_for_how_long(box: Box, permanent: bool) -> None:
    with server(box) as port:
        found = open_receiver(settings(port)).send(message())
    assert (found.delivered, found.permanent) == (False, permanent)
    assert found.said.startswith("status 4" if not permanent else "status 5")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_mail_with_a_login_is_let_in_by_its_password_alone(tmp_path: Path) -> None:
    box = Box()

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=data.password == b"right horse", handled=False)

    with server(box, authenticator=check, auth_require_tls=False, auth_required=True) as port:
        for password, delivered in (("wrong horse", False), ("right horse", True)):
            (tmp_path / "password").write_text(password)
            given = settings(port, user="ops", password_file=str(tmp_path / "password"))
            found = open_receiver(given).send(message())
            assert found.delivered is delivered
            assert delivered or found.said == "status 535: the server does not let us in"
            assert not found.permanent
            assert "horse" not in found.said


def test_mail_to_a_server_that_is_down_or_speaks_no_tls_is_tried_again() -> None:
    with server(Box()) as port:
        found = open_receiver(settings(port, security="starttls")).send(message())
        assert (found.delivered, found.permanent) == (False, False)
    found = open_receiver(settings(port)).send(message())
    assert (found.delivered, found.permanent) == (False, False)
