"""Programs that are measured beside us, or for us: started, and ended whatever happens."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Give a started program, and end it afterwards; `Popen` itself would wait until it ends on its own."""
    with process:
        try:
            yield process
        finally:
            process.terminate()
