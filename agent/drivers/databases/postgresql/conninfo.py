"""Connection strings as libpq reads them, in both of their forms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote, urlsplit

from agent.errors import RunFailed

_WORD = re.compile(r"\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)", re.DOTALL)
_PLACE = re.compile(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", re.DOTALL)
_NO_URI = "the dsn of a database is no connection string: write it as postgresql://user@host:port/dbname"
_SECRETS = ("password", "sslpassword")


def parsed(dsn: str) -> dict[str, str]:
    """Given a connection string, return its words. Raises RunFailed when it is none, or holds a password."""
    words = _of_uri(dsn) if re.match(r"postgres(ql)?://", dsn) else _of_words(dsn)
    for word in _SECRETS:
        if word in words:
            raise RunFailed(f"a dsn must not hold {word}: put it into a file, and name that as password_file")
    return words


def _of_words(dsn: str) -> dict[str, str]:
    words: dict[str, str] = {}
    position = 0
    while dsn[position:].strip():
        found = _WORD.match(dsn, position)
        if found is None:
            raise RunFailed("the dsn of a database is no connection string: write it as host=... dbname=...")
        raw = found[2] if found[2] is not None else found[3]
        words[found[1]] = re.sub(r"\\(.)", r"\1", raw, flags=re.DOTALL)
        position = found.end()
    return words


def _of_uri(dsn: str) -> dict[str, str]:
    try:
        parts = urlsplit(dsn)
    except ValueError as error:
        raise RunFailed(_NO_URI) from error
    account, _, place = parts.netloc.rpartition("@")
    user, _, password = account.partition(":")
    hosts, ports = [], []
    for one in place.split(","):
        found = _PLACE.fullmatch(one)
        if found is None:
            raise RunFailed(_NO_URI)
        hosts.append(unquote(found[1].strip("[]")))
        ports.append(found[2] or "")
    words = {
        "host": ",".join(hosts),
        "port": ",".join(ports) if any(ports) else "",
        "user": unquote(user),
        "password": unquote(password),
        "dbname": unquote(parts.path[1:]),
        **dict(parse_qsl(parts.query)),
    }
    return {word: value for word, value in words.items() if value}


def written(words: Mapping[str, str]) -> str:
    """Return words as a connection string."""
    return " ".join(f"{word}='{_escaped(value)}'" for word, value in words.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
