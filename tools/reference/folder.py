"""The folder of the reference: what its pages would be if written anew, and which are not."""

from __future__ import annotations

from pathlib import Path

from tools.reference.pages import PAGES

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "reference"
NOTE = "<!-- Written by `make docs` from the schemas and the code; edit those instead. -->"


def render() -> dict[Path, str]:
    """Return the text of every page by its file."""
    return {FOLDER / name: "\n".join((NOTE, "", *page(), "")) for name, page in PAGES.items()}


def stale() -> list[str]:
    """Return the names of pages that are not what they would be if written anew, or have no source."""
    pages = render()
    names = {path for path in pages if not path.exists() or path.read_text(encoding="utf-8") != pages[path]}
    return sorted(path.name for path in names | (set(FOLDER.glob("*.md")) - set(pages)))
