"""What the web configuration says, as the model has it; the daemon reads it from the compiler's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.web import ClientAuth, Tls, WebConfig


def web_from(values: Mapping[str, Any]) -> WebConfig:
    """Given a normalised web configuration as a JSON object, return it."""
    tls = values.get("tls_server_config")
    return WebConfig(
        tls=None if tls is None else tls_from(tls),
        headers=values["http_server_config"]["headers"],
        users=values["basic_auth_users"],
        not_after=values.get("not_after"),
    )


def tls_from(values: Mapping[str, Any]) -> Tls:
    """Given the normalised values of `tls_server_config` with absolute paths, return them."""
    return Tls(
        cert_file=values["cert_file"],
        key_file=values["key_file"],
        client_ca_file=values["client_ca_file"],
        client_auth=ClientAuth(values["client_auth_type"]),
        allowed_names=frozenset(values["client_allowed_sans"]),
        min_version=values["min_version"],
        max_version=values["max_version"],
        cipher_suites=tuple(values["cipher_suites"]),
        curve=next(iter(values["curve_preferences"]), ""),
        prefer_server_cipher_suites=values["prefer_server_cipher_suites"],
    )
