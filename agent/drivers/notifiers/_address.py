"""Addresses of receivers, which are secrets: where they are read from, and how they are kept out of sentences."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from agent.errors import RunFailed
from agent.host import credentials
from agent.host.secrets import read_secret
from agent.rules.masking import MASKED, mask

_SHORTEST = 4
"""Parts of an address that are shorter hide nothing, and would spoil every sentence."""


def address_of(settings: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> str:
    """Given a receiver's settings, return its address. Raises RunFailed if it is not there."""
    if settings.get("url_file"):
        lines = read_secret(settings["url_file"]).split("\n")
    elif settings.get("url_credential"):
        name = settings["url_credential"]
        path = credentials.path(name, environ)
        if not os.path.exists(path):
            raise RunFailed(
                f"there is no credential {name}: add LoadCredential={name}:FILE to the agent's unit "
                "(systemctl edit hostkeeper), and restart it"
            )
        lines = read_secret(path).split("\n")
    else:
        name = settings["url_env"]
        if not environ.get(name):
            raise RunFailed(f"the variable {name} is not in the environment: set it for the agent, and restart it")
        lines = environ[name].split("\n")
    url = lines[0].strip()
    if "://" not in url or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise RunFailed("the address of the notifier is none: write it as `scheme://...`, alone on its line")
    return url


def web_address_of(settings: Mapping[str, Any]) -> str:
    """Do the same where it has to be one of HTTP."""
    url = address_of(settings)
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1)
    except ValueError:
        fits = False
    if not fits:
        raise RunFailed("the address of the notifier is none of HTTP: write it as `https:` and so on")
    return url


def hide(text: str, secrets: Iterable[str]) -> str:
    """Given a sentence and secrets that may stand in it, return it without them."""
    for secret in sorted(set(secrets), key=len, reverse=True):
        text = text.replace(secret, MASKED)
    return mask(text)


def secrets_of(url: str) -> set[str]:
    """Given an address, return it and every part of it that could be a secret, as it is and as it was meant."""
    rest = url.partition("://")[2]
    parts = {url, rest, *re.split(r"[/:@?&=#,]", rest)}
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2]
    meant = parts | {unquote(part) for part in parts}
    return {part for part in meant if len(part) >= _SHORTEST and part not in (host, host.rpartition(":")[0])}
