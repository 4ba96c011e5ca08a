"""HTML built from values: what is not markup is escaped, so text from anywhere can stand anywhere.

The standard library's `html` is not used, because the tables it brings along would stay in the daemon's memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

_VOID = frozenset({"meta", "br", "hr", "link"})
_NAME = re.compile(r"[a-z][a-zA-Z0-9-]*")
_LINK = re.compile(r"#|/(?!/)|\./|\?")
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
_IN_ADDRESS = str.maketrans({char: f"%{ord(char):02X}" for char in "%#<>\"'& "})
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


class Markup(Struct, frozen=True):
    """HTML that is finished: what `text` holds is put into a page as it is. Made by the functions here alone."""

    text: str

    def __str__(self) -> str:
        return self.text


Child = str | int | float | Markup | None | Iterable["Child"]
"""What an element may hold. Text and numbers are escaped, None is nothing, and an iterable is what it yields."""


def plain(text: str) -> str:
    """Given text from anywhere, return it with characters that hide, reorder or end text written out as escapes."""
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape", "surrogatepass").decode("ascii"), text)


def escaped(text: str) -> str:
    """Given text from anywhere, return it fit for the content of an element and for an attribute in quotes."""
    return plain(text).translate(_ESCAPES)


def join(children: Iterable[Child]) -> Markup:
    """Given children of an element, return them as one piece of markup."""
    parts: list[str] = []
    _collect(children, parts)
    return Markup("".join(parts))


def _collect(children: Iterable[Child], parts: list[str]) -> None:
    for child in children:
        if isinstance(child, Markup):
            parts.append(child.text)
        elif isinstance(child, str):
            parts.append(escaped(child))
        elif isinstance(child, int | float):
            parts.append(str(child))
        elif child is not None:
            _collect(child, parts)


def element(name: str, /, *children: Child, **attributes: str | int | float | bool | None) -> Markup:
    """Given the name of an element, what it holds and its attributes, return it.

    An underscore in the name of an attribute stands for a hyphen, one at its end for nothing (`class_`). False and
    None leave an attribute out; True is an attribute without a value. Raises ValueError on an attribute that could
    script or load something: `on...`, `style`, and any address that leaves the page's own host.
    """
    parts = [f"<{_checked(name)}"]
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = _checked(key.rstrip("_").replace("_", "-"))
        if attribute.startswith("on") or attribute == "style":
            raise ValueError(f"attribute {attribute} is not for pages without scripts")
        if attribute in ("href", "src", "action") and not _LINK.match(str(value)):
            raise ValueError(f"address {value!r} leaves the page")
        parts.append(f" {attribute}" if value is True else f' {attribute}="{escaped(str(value))}"')
    parts.append(">")
    if name not in _VOID:
        _collect(children, parts)
        parts.append(f"</{name}>")
    return Markup("".join(parts))


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} names no element and no attribute")
    return name


def page(title: str, style: str, /, *body: Child, refresh: int | None = None, icon: Markup | None = None) -> str:
    """Given a title, the whole style sheet and the content, return a document that loads nothing and runs nothing.

    `style` must be of our own making. `refresh` is after how many seconds a browser asks again; `icon` is an SVG.
    """
    # A hash of the style would do as well, but pages that are kept as files get edited by people.
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    link = None
    if icon is not None:
        policy += "; img-src data:"
        link = Markup(f'<link rel="icon" href="data:image/svg+xml,{icon.text.translate(_IN_ADDRESS)}">')
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("meta", http_equiv="refresh", content=refresh) if refresh else None,
        element("title", title),
        link,
        Markup(f"<style>{style}</style>"),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang='en')}\n"
