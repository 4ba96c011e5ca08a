"""The policy compiler's process, as the daemon sees it: started with names, answering while the loop turns."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from agent.daemon.loop import Loop
from agent.host.helper import Helper
from agent.policy.protocol import Answer, Answers, Request

COMMAND = (sys.executable, "-I", "-m", "agent", "compile-policies")
FAILED = "failed"
"""The signature of a file that ended the compiler: it is no file's, so that the file is compiled again next time."""


class Compiler:
    """Compiles files of one directory; `take` gets each answer, `done` is called when all are there.

    `actions` returns which actions there are; it is asked when there is something to compile.

    A compiler that dies on a file is started again for the others: the file is a bad policy like any other.
    """

    def __init__(
        self,
        directory: str,
        actions: Callable[[], tuple[str, ...]],
        take: Callable[[Answer], None],
        done: Callable[[], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._directory = directory
        self._actions = actions
        self._take = take
        self._done = done
        self._command = command
        self._loop: Loop | None = None
        self._helper: Helper | None = None
        self._answers: Answers | None = None

    @property
    def running(self) -> bool:
        """Whether a process is at work."""
        return self._helper is not None

    def compile(self, names: tuple[str, ...], loop: Loop | None) -> None:
        """Given the names of files, compile them; with a loop, as it turns, without one, before returning.

        Raises OSError when the host has no process to spare.
        """
        self._loop = loop
        self._start(names)
        while loop is None and self._helper is not None:
            self._read()

    def _start(self, names: tuple[str, ...]) -> None:
        request = Request(self._directory, names, self._actions(), root=os.geteuid() == 0)
        helper = Helper(self._command, request.encode())
        self._helper, self._answers = helper, Answers(request)
        if self._loop is not None:
            self._loop.watch(helper.fileno(), self._read)
        else:
            os.set_blocking(helper.fileno(), True)

    def _read(self) -> None:
        if self._helper is None or self._answers is None:
            return
        data = self._helper.read()
        if data is None:
            return
        for answer in self._answers.feed(data):
            self._take(answer)
        if not data:
            self._ended(self._answers)

    def _ended(self, answers: Answers) -> None:
        how = self._end()
        failed = answers.failed(how or "it stopped early") if answers.left() else None
        if failed is not None:
            self._take(replace(failed, signature=FAILED))
        if answers.left():
            self._start(answers.left())
        else:
            self._done()

    def _end(self) -> str:
        helper, self._helper, self._answers = self._helper, None, None
        if helper is None:
            return ""
        if self._loop is not None:
            self._loop.unwatch(helper.fileno())
        return helper.end()

    def stop(self) -> None:
        """End the process, if there is one."""
        self._end()
