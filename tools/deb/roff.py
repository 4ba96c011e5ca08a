"""Turns the pages of docs/reference into manual pages: the Markdown that those pages use, and no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

INLINE = re.compile(r"(?P<code>`[^`]+`)|(?P<bold>\*\*.+?\*\*)|\[(?P<text>[^\]]+)\]\((?P<target>[^)]+)\)")
BULLET = re.compile(r"(?P<indent> *)- (?P<text>.*)")
STEP = 4
"""By how many columns what is inside something else is indented."""


def escape(text: str) -> str:
    """Given plain text, return it so that roff prints it as it stands."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("~", "\\(ti").replace("^", "\\(ha")
    return text.replace("'", "\\(aq").replace("`", "\\(ga").replace('"', "\\(dq")


def inline(text: str, pages: Mapping[str, str]) -> str:
    """Given Markdown of one line, return roff; a link to one of the files in `pages` becomes the name of that page."""

    def render(found: re.Match[str]) -> str:
        if found["code"]:
            return f"\\fB{escape(found['code'][1:-1])}\\fR"
        if found["bold"]:
            return f"\\fB{re.sub(r'.f[BR]', '', inline(found['bold'][2:-2], pages))}\\fR"
        page = pages.get(found["target"])
        return f"{escape(found['text'])} ({page})" if page else escape(found["text"])

    done, end = [], 0
    for found in INLINE.finditer(text):
        done += [escape(text[end : found.start()]), render(found)]
        end = found.end()
    line = "".join([*done, escape(text[end:])])
    return f"\\&{line}" if line.startswith((".", "'")) else line


def cells(line: str) -> list[str]:
    """Given a row of a table, return its cells."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def rows(lines: list[str], start: int) -> int:
    """Given lines and where a table begins, return where it ends."""
    end = start
    while end < len(lines) and lines[end].startswith("|"):
        end += 1
    return end


def table(lines: list[str], say: Callable[[str], str]) -> Iterator[str]:
    """Given the lines of a table, yield one paragraph per row: its first cell, then the last, then those between."""
    for line in lines[2:]:
        head, *between, last = cells(line)
        rest = " ".join(filter(None, between))
        yield from (".TP", say(head) or "\\&", say(last + (f" ({rest})" if rest else "")) or "\\&")


def example(lines: list[str]) -> Iterator[str]:
    """Given the lines of a block of code, yield it as it stands."""
    yield from (".PP", f".RS {STEP}", ".EX")
    yield from (f"\\&{escape(line)}" for line in lines)
    yield from (".EE", ".RE")


def body(markdown: str, pages: Mapping[str, str]) -> Iterator[str]:
    """Given a page of the reference, yield the lines of its manual page, without the title."""
    lines = [line for line in markdown.splitlines() if not line.startswith(("<!--", "# "))]
    index, fresh = 0, True
    while index < len(lines):
        line = lines[index]
        index += 1
        if line.startswith("## "):
            yield f".SH {escape(line[3:])}"
        elif line.startswith("|"):
            end = rows(lines, index - 1)
            yield from table(lines[index - 1 : end], lambda text: inline(text, pages))
            index = end
        elif line.startswith("```"):
            end = lines.index("```", index)
            yield from example(lines[index:end])
            index = end + 1
        elif bullet := BULLET.match(line):
            depth = len(bullet["indent"]) // 2 * STEP
            yield from ([f".RS {depth}"] if depth else [])
            yield from (f".IP \\(bu {STEP - 1}", inline(bullet["text"], pages))
            yield from ([".RE"] if depth else [])
        elif line:
            yield from ([".PP"] if fresh else [])
            yield inline(line, pages)
        fresh = not line


def page(name: str, section: int, summary: str, version: str, date: str, lines: list[str]) -> str:
    """Given a page's name, section, one sentence, version, date and lines, return the whole page."""
    title = f'.TH "{escape(name.upper())}" {section} {date} "Hostkeeper {version}" "Hostkeeper"'
    return "\n".join([title, ".SH NAME", f"{escape(name)} \\- {escape(summary)}", *lines, ""])
