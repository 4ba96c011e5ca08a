"""Asks a web server: its status, its body, how long each part took, and how long its certificate lasts."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from agent.errors import RunFailed
from agent.host.http.fetch import Asked, Fetched, fetch
from agent.host.secrets import read_secret
from agent.host.wires import NoAnswer, tls_of
from agent.probes.answers import Down, given
from agent.probes.group import Measured
from agent.probes.kind import Kind, Settings, Tools
from agent.rules.certificates import days_left
from agent.rules.expressions import search_of
from agent.rules.statuses import expected


class Http:
    """One address."""

    def __init__(self, settings: Settings, tools: Tools, matches: Callable[[bytes], bool]) -> None:
        self._settings = settings
        self._clock = tools.clock
        self._matches = matches
        secret = settings["bearer_token_file"] or settings["password_file"]
        self._asked = None if secret else asked_of(settings)

    def measure(self, timeout: float) -> Measured:
        """Ask once; an answer other than wanted is down."""
        asked = self._asked or asked_of(self._settings)  # a secret that has changed is the one that is given
        try:
            found = fetch(asked, timeout)
        except NoAnswer as error:
            raise Down(str(error)) from error
        samples = given({"status": found.status, "certificate_days_left": self._days_left(found)})
        if not expected(self._settings["expect_status"], found.status):
            raise Down(f"status {found.status}, where {_worded(self._settings['expect_status'])} is wanted", samples)
        if wrong := self._unwanted(found.body):
            raise Down(wrong, samples)
        timings = {
            "latency_seconds": found.total,
            "dns_seconds": found.dns,
            "connect_seconds": found.connect,
            "tls_seconds": found.tls,
            "first_byte_seconds": found.first_byte,
            "body_bytes": len(found.body),
            "redirects": found.redirects,
        }
        return Measured([*samples, *given(timings)])

    def _days_left(self, found: Fetched) -> float | None:
        if found.certificate is None:
            return None
        return days_left(found.certificate, self._clock.now().timestamp())

    def _unwanted(self, body: bytes) -> str:
        contains, lacks = self._settings["contains"], self._settings["lacks"]
        if contains is not None and contains.encode() not in body:
            return "the body has not the text that is wanted"
        if lacks is not None and lacks.encode() in body:
            return "the body has the text that is not wanted"
        return "" if self._matches(body) else "the body does not match"


def asked_of(settings: Settings) -> Asked:
    """Given the settings of a probe, return what is asked. Raises RunFailed for a secret that cannot be read."""
    headers = dict(settings["headers"])
    if settings["bearer_token_file"] is not None:
        headers["Authorization"] = f"Bearer {_on_one_line(settings['bearer_token_file'])}"
    if settings["user"] is not None:
        password = _on_one_line(settings["password_file"]) if settings["password_file"] is not None else ""
        both = f"{settings['user']}:{password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(both).decode('ascii')}"
    return Asked(
        url=settings["url"],
        method=settings["method"],
        headers=headers,
        body=(settings["body"] or "").encode(),
        redirects=settings["redirects"],
        most=settings["max_bytes"],
        tls=tls_of(settings["tls"]),
    )


def _on_one_line(path: str) -> str:
    secret = read_secret(path)
    if not secret.isprintable():
        raise RunFailed(f"{path} holds what cannot stand in a header: write it on one line")
    return secret


def _worded(wanted: Any) -> str:
    return ", ".join(map(str, wanted)) if isinstance(wanted, list) else str(wanted)


def _anything(_body: bytes) -> bool:
    return True


def connect(_name: str, settings: Settings, tools: Tools) -> Http:
    """Return the probe."""
    expression = settings["matches"]
    return Http(settings, tools, _anything if expression is None else search_of(expression))


KIND = Kind(connect=connect)
