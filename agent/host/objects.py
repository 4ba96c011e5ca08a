"""The object log: which objects a run deleted, and why, for `hostkeeper why OBJECT`."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence


class FileObjectLog:
    """`agent.ports.ObjectLog` in one compressed file per run below the state directory; never fails its caller."""

    def __init__(self, directory: str, run: int) -> None:
        self._path = f"{directory}/objects/{run}"
        self.lost = 0

    def record(self, directory: bytes, names: Sequence[bytes], reason: str) -> None:
        """Given a directory and names in it that were deleted for one reason, write that down if that can be done."""
        text = b"\0".join((reason.encode(), directory, b"/".join(names), b""))
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            with open(self._path, "ab") as file:
                file.write(zlib.compress(text, 1))
        except OSError:
            self.lost += len(names)
