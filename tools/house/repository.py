"""The repository as its checks see it: its root, and the files in it that are ours."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def files(root: Path = ROOT) -> tuple[Path, ...]:
    """Given a checkout, return its files, those not committed yet included, what git ignores left out; sorted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    names = set(listing.stdout.decode().split("\0")) - {""}
    return tuple(path for name in sorted(names) if (path := root / name).is_file())


def texts(paths: tuple[Path, ...]) -> Iterator[tuple[Path, str]]:
    """Given files, yield those that are UTF-8 text with their text."""
    for path in paths:
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
