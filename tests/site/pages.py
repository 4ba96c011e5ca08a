"""Pages drawn for tests, and read as a browser reads them."""

from __future__ import annotations

from html.parser import HTMLParser
from zoneinfo import ZoneInfo

from agent.engine.visit import Course, Visit
from agent.site.child import drawn
from agent.store import Store
from tests.site.big import NOW

BERLIN = ZoneInfo("Europe/Berlin")
VOID = frozenset({"meta", "br", "hr", "link"})


def visit(store: Store, query: str = "", course: Course | None = None) -> Visit:
    return Visit(store.directory, query, 4, "Europe/Berlin", "host", 10.0, course or Course())


def look(store: Store, query: str = "", course: Course | None = None, now: float = NOW) -> Read:
    status, text = drawn(visit(store, query, course), BERLIN, now, "tower")
    return Read(status, text)


class Read(HTMLParser):
    """A page that was read: its text, its headings, its links, every element. Elements must be closed in order."""

    def __init__(self, status: int, document: str) -> None:
        super().__init__(convert_charrefs=True)
        self.status = status
        self.document = document
        self.tags: list[str] = []
        self.links: list[str] = []
        self.names: list[str] = []
        self.headings: list[int] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(document)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        found = dict(attrs)
        self.names += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if tag == "a" else []
        if tag in ("h1", "h2", "h3"):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.text += f"{data} "

    @property
    def bytes(self) -> int:
        """How much the document weighs."""
        return len(self.document.encode())
