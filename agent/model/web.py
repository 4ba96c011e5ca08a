"""Who may see the metrics and how they are carried: what the web configuration says, valid and complete."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct


class ClientAuth(StrEnum):
    """Whether a client has to show a certificate, in the words of Prometheus' exporters."""

    NONE = "NoClientCert"
    IF_GIVEN = "VerifyClientCertIfGiven"
    REQUIRED = "RequireAndVerifyClientCert"


class Tls(Struct, frozen=True):
    """Files are absolute paths; versions are `TLS12` and `TLS13`; suites and curves bear the names of Go.

    `client_ca_file` and `curve` may be "". `allowed_names` are what a client's certificate must bear one of; none asks
    for none.
    """

    cert_file: str
    key_file: str
    client_ca_file: str
    client_auth: ClientAuth
    allowed_names: frozenset[str]
    min_version: str
    max_version: str
    cipher_suites: tuple[str, ...]
    curve: str
    prefer_server_cipher_suites: bool

    @property
    def files(self) -> tuple[str, ...]:
        """Every file that is read for it."""
        return tuple(path for path in (self.cert_file, self.key_file, self.client_ca_file) if path)


class WebConfig(Struct, frozen=True):
    """TLS or None for plain HTTP, header fields of every answer, and users with the bcrypt hash of their password.

    `not_after` is when the certificate expires, in seconds since the epoch, None without one.
    """

    tls: Tls | None
    headers: Mapping[str, str]
    users: Mapping[str, str]
    not_after: float | None
