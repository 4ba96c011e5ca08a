"""Writes every page of docs/reference."""

from __future__ import annotations

from tools.reference.folder import FOLDER, render

if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in render().items():
        path.write_text(text, encoding="utf-8")
