"""The conversation with the compiler's process (`python -m agent compile-policies`), seen from the daemon.

The request is one JSON object on its standard input. The answers are one JSON object a line, as they are found:

    {"begin": NAME}                                          before it starts on a file
    {"file": NAME, "status": "ok", "digest": ..., "signature": ..., "fragment": TEXT}
    {"file": NAME, "status": "mistakes", "digest": ..., "signature": ..., "mistakes": [...], "outline": TEXT}
    {"file": NAME, "status": "busy" or "gone"}               it is being written, or no longer there

and the same for the settings, whose file is the request's `settings` and whose answer has `settings` in place of a
fragment, and for the web configuration, whose file is the request's `web` and whose answer has `settings` too. A
process that ends before it has answered for every file has failed on the one that it began last: that file is a bad
policy like any other, and the rest is asked for once more.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from agent.errors import Mistake
from agent.policy.fragments import Outline, load_outline


class Status(StrEnum):
    """What became of one file."""

    OK = "ok"
    MISTAKES = "mistakes"
    BUSY = "busy"
    GONE = "gone"


class Request(Struct, frozen=True):
    """What the compiler is to do: the `files` (names) of `directory`, settings and web configuration at a path or "".

    `actions` are the names that policies may use. `root` asks for files that are root's alone.
    """

    directory: str
    files: tuple[str, ...]
    actions: tuple[str, ...]
    settings: str = ""
    web: str = ""
    root: bool = False

    def encode(self) -> bytes:
        """Return the request as the process reads it."""
        return json.dumps(
            {
                "directory": self.directory,
                "files": self.files,
                "actions": self.actions,
                "settings": self.settings,
                "web": self.web,
                "root": self.root,
            }
        ).encode("ascii")


def decode_request(data: bytes) -> Request:
    """Given what `encode` wrote, return the request."""
    body = json.loads(data)
    files, actions = tuple(body["files"]), tuple(body["actions"])
    return Request(body["directory"], files, actions, body["settings"], body["web"], body["root"])


class Answer(Struct, frozen=True):
    """What the compiler says of one file.

    `fragment` is its JSON text if the status is OK, `settings` the values of settings or of a web configuration.
    `outline` is None where not even the names in a file could be read. `digest` and `signature` are "" when the file
    was not read whole.
    """

    file: str
    status: Status
    digest: str = ""
    signature: str = ""
    fragment: str = ""
    settings: Mapping[str, Any] | None = None
    mistakes: tuple[Mistake, ...] = ()
    outline: Outline | None = None


class Answers:
    """Collects what the process says of a request, whose `directory` is put before the names in mistakes."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._waiting = dict.fromkeys([*request.files, *filter(None, (request.settings, request.web))])
        self._begun = ""
        self._rest = b""

    def feed(self, data: bytes) -> list[Answer]:
        """Given more of its output, return the answers that are complete. Raises ValueError for what is no answer."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        found = []
        for line in lines:
            body = json.loads(line)
            if "begin" in body:
                self._begun = body["begin"]
            else:
                found.append(self._answer(body))
        return found

    def left(self) -> tuple[str, ...]:
        """Return the files that are still to be answered for."""
        return tuple(self._waiting)

    def failed(self, how: str) -> Answer | None:
        """Given how the process ended, return the answer for the file it failed on, or None if there is none left."""
        name = self._begun if self._begun in self._waiting else next(iter(self._waiting), None)
        if name is None:
            return None
        del self._waiting[name]
        mistake = Mistake(
            self._path(name),
            0,
            0,
            "",
            f"reading it ended the compiler ({how})",
            "look for nesting or text that is out of all proportion",
        )
        return Answer(name, Status.MISTAKES, mistakes=(mistake,))

    def _answer(self, body: dict[str, Any]) -> Answer:
        name = body["file"]
        self._waiting.pop(name, None)
        return answer_of(body, name, self._path(name))

    def _path(self, name: str) -> str:
        return name if name in (self.request.settings, self.request.web) else os.path.join(self.request.directory, name)


def answer_of(body: Mapping[str, Any], name: str, path: str) -> Answer:
    """Given the JSON object of an answer, the file's name and the path by which mistakes speak of it, return it."""
    outline = body.get("outline", "")
    return Answer(
        name,
        Status(body["status"]),
        body.get("digest", ""),
        body.get("signature", ""),
        body.get("fragment", ""),
        body.get("settings"),
        tuple([Mistake(path, *mistake) for mistake in body.get("mistakes", ())]),
        load_outline(outline) if outline else None,
    )
