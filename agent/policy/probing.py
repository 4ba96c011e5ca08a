"""What a schema cannot say of probes: that they are done before they begin anew, and that addresses hold no secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.policy.normalise import Complaint


def complaints_of(probes: Mapping[str, Any]) -> Iterator[Complaint]:
    """Given the normalised probes of a file, which may lack what the schema complains of, yield what is wrong."""
    for name, thing in probes.items():
        every, timeout, path = thing.get("every"), thing.get("timeout"), ("probes", name)
        if isinstance(timeout, float | int) and isinstance(every, float | int) and timeout > every:
            yield (*path, "timeout"), "it is longer than `every`", f"give at most {every:g}s"
        if isinstance(http := thing.get("http"), dict) and isinstance(http.get("matches"), str):
            yield from _expression(http["matches"], (*path, "http", "matches"))
        for kind in ("http", "prometheus"):
            if isinstance(thing.get(kind), dict):
                yield from _address(thing[kind], (*path, kind))


def _expression(text: str, path: tuple[str | int, ...]) -> Iterator[Complaint]:
    from agent.rules.expressions import BadExpression, search_of  # noqa: PLC0415 - few files need it

    try:
        search_of(text)
    except BadExpression as error:
        yield path, str(error), error.right


def _address(settings: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Complaint]:
    from urllib.parse import urlsplit  # noqa: PLC0415 - few files need it

    try:
        url = urlsplit(settings.get("url", ""))
        if url.username or url.password:
            yield (*path, "url"), "it holds a user or a password", "give `user` and `password_file`"
        if url.port == 0:
            raise ValueError
    except ValueError:
        yield (*path, "url"), "it is not an address", "write it such as `http://127.0.0.1:8080/`"
