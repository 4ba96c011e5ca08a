"""A short-lived helper process that answers on a pipe while the caller goes on."""

from __future__ import annotations

import os
from collections.abc import Sequence

_CHUNK = 1 << 20


class Helper:
    """Runs `argv` with `request` as its standard input; its output is read without waiting."""

    def __init__(self, argv: Sequence[str], request: bytes) -> None:
        # Imported for the first helper: an agent is ready without one where no policies have changed.
        import subprocess  # noqa: PLC0415

        # A file in memory takes any request at once, where a pipe would make the caller wait for the helper.
        source = os.memfd_create("request", os.MFD_CLOEXEC)
        try:
            view = memoryview(request)
            while view:
                view = view[os.write(source, view) :]
            os.lseek(source, 0, os.SEEK_SET)
            self._process = subprocess.Popen(argv, stdin=source, stdout=subprocess.PIPE)
        finally:
            os.close(source)
        assert self._process.stdout is not None
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)

    def fileno(self) -> int:
        """Return the descriptor that is readable when there is output, or the end of it."""
        return self._output.fileno()

    def read(self) -> bytes | None:
        """Return what output there is: None when there is none yet, empty at its end."""
        return self._output.read(_CHUNK)

    def end(self) -> str:
        """End the process if it still lives; return how it ended, as words, or "" when it ended well."""
        import subprocess  # noqa: PLC0415 - it is there since the start of the process

        self._output.close()
        if self._process.poll() is None:
            try:
                self._process.wait(0.2)
            except subprocess.TimeoutExpired:
                self._process.kill()
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "it cannot be ended"  # a call into a dead disk has it, and the caller must not wait for that
        if code < 0:
            return f"signal {-code}"
        return f"exit code {code}" if code else ""
