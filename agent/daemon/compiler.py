"""The policy compiler's process, as the daemon sees it: started with names, answering while the loop turns."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace

from agent.daemon.loop import Loop
from agent.host.helper import Helper
from agent.policy.protocol import Answer, Answers, Request

COMMAND = (sys.executable, "-I", "-m", "agent", "compile-policies")
FAILED = "failed"
"""The signature of a file that ended the compiler: it is no file's, so that the file is compiled again next time."""


class Compiler:
    """Compiles files of one directory; `take` gets each answer, `done` is called when all are there.

    A compiler that dies on a file is started again for the others: the file is a bad policy like any other.
    """

    def __init__(
        self, directory: str, actions: tuple[str, ...], take: Callable[[Answer], None], done: Callable[[], None]
    ) -> None:
        self._directory = directory
        self._actions = actions
        self._take = take
        self._done = done
        self._helper: Helper | None = None
        self._answers: Answers | None = None

    @property
    def running(self) -> bool:
        """Whether a process is at work."""
        return self._helper is not None

    def compile(self, names: tuple[str, ...], loop: Loop | None) -> None:
        """Given the names of files, compile them; with a loop, as it turns, without one, before returning."""
        request = Request(self._directory, names, self._actions, root=os.geteuid() == 0)
        self._answers = Answers(request)
        helper = self._helper = Helper(COMMAND, request.encode())
        if loop is not None:
            loop.watch(helper.fileno(), lambda: self._read(loop))
            return
        os.set_blocking(helper.fileno(), True)
        while self._helper is helper:
            self._read(None)

    def _read(self, loop: Loop | None) -> None:
        if self._helper is None or self._answers is None:
            return
        data = self._helper.read()
        if data is None:
            return
        for answer in self._answers.feed(data):
            self._take(answer)
        if not data:
            self._ended(self._helper, self._answers, loop)

    def _ended(self, helper: Helper, answers: Answers, loop: Loop | None) -> None:
        if loop is not None:
            loop.unwatch(helper.fileno())
        how = helper.end()
        self._helper = self._answers = None
        failed = answers.failed(how or "it stopped early") if answers.left() else None
        if failed is not None:
            self._take(replace(failed, signature=FAILED))
        if answers.left():
            self.compile(answers.left(), loop)
        else:
            self._done()

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._helper is not None:
            self._helper.end()
            self._helper = self._answers = None
