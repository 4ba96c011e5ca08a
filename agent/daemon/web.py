"""The web configuration in force: who may see the metrics, read in a child, and read again whenever a file changes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence

from agent.daemon.compiler import COMMAND
from agent.daemon.loop import Loop
from agent.errors import Mistake
from agent.host.helper import Helper
from agent.host.http import Security
from agent.host.output import visible
from agent.model.web import WebConfig
from agent.policy.protocol import Answer, Answers, Request, Status
from agent.policy.scan import signature_of
from agent.policy.web import web_from
from agent.ports import Clock

LOG = logging.getLogger(__name__)
LOOK_SECONDS = 5.0
"""How often the files are looked at: certificates come by links and by programs that write them in several acts."""

SETTLE_SECONDS = 0.5
"""How long files have to be as they are before they are read."""

AGAIN_SECONDS = 15.0
"""How often files with mistakes are read again although they did not change: what is wrong may be above them."""

MOST_SESSIONS = 1000
"""How many sessions OpenSSL may remember for clients without tickets, each some 1 kB, before it begins anew."""


class Web:
    """Keeps the web configuration at a path. `serve` hears of each security put in force, the first one included.

    `told` hears whenever what is to be told has changed. Until the files are good for the first time, everybody is
    turned away: an agent that was told to ask for passwords never does without. `command` starts the compiler.
    """

    def __init__(
        self,
        path: str,
        clock: Clock,
        *,
        serve: Callable[[Security], None],
        told: Callable[[], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self.path = path
        self.in_force: WebConfig | None = None
        self.mistakes: tuple[Mistake, ...] = ()
        self.loaded_at: float | None = None
        self._clock = clock
        self._serve = serve
        self._told = told
        self._command = command
        self._loop: Loop | None = None
        self._helper: Helper | None = None
        self._answers: Answers | None = None
        self._security = Security(shut=True)
        self._marks: tuple[str, ...] = ()
        self._loaded: tuple[str, ...] = ()
        self._read_at = 0.0

    @property
    def valid(self) -> bool:
        """Whether the files as they are now are in force."""
        return self.in_force is not None and not self.mistakes

    def start(self, loop: Loop) -> None:
        """Given the daemon's loop, read the files as it turns, and look at them from then on."""
        self._loop = loop
        loop.every(LOOK_SECONDS, self._look)
        self._read()

    def reload(self) -> None:
        """Read the files at once; fit to be called by a signal handler."""
        if self._loop is not None:
            self._loop.alarm("web", self._clock.monotonic(), self._read)
            self._loop.wake()

    def stop(self) -> None:
        """End what is under way."""
        if self._helper is not None:
            self._helper.end()

    def _look(self) -> None:
        again = bool(self.mistakes) and self._clock.monotonic() - self._read_at >= AGAIN_SECONDS
        if self._loop is not None and (self._signatures() != self._marks or again):
            self._loop.alarm("web", self._clock.monotonic() + SETTLE_SECONDS, self._read)
        elif self._remembers_too_many() and self.in_force is not None:
            self._put_in_force(self.in_force)

    def _remembers_too_many(self) -> bool:
        context = self._security.context
        return context is not None and context.session_stats()["number"] > MOST_SESSIONS

    def _signatures(self) -> tuple[str, ...]:
        """Return what the files are at this moment: the configuration, and those that the one in force names."""
        return (_signature(self.path), *map(_signature, _files(self.in_force)))

    def _read(self) -> None:
        """Have the files read in a child."""
        if self._helper is not None or self._loop is None:
            return
        self._marks, self._read_at = self._signatures(), self._clock.monotonic()
        request = Request(os.path.dirname(self.path), (), (), web=self.path, root=os.geteuid() == 0)
        try:
            self._helper = Helper(self._command, request.encode())
        except OSError as error:
            self._bad([self._mistake(f"cannot be read: {error.strerror}", "give the host room for processes")])
            return
        self._answers = Answers(request)
        self._loop.watch(self._helper.fileno(), self._hear)

    def _hear(self) -> None:
        """Take in what the child says, and conclude when it has said it."""
        helper, answers, loop = self._helper, self._answers, self._loop
        if helper is None or answers is None or loop is None:
            return
        data = helper.read()
        if data is None:
            return
        found = answers.feed(data)
        if data and not found:
            return
        loop.unwatch(helper.fileno())
        self._helper = None
        how = helper.end()
        answer = found[0] if found else answers.failed(how or "it stopped early")
        if answer is not None:
            self._conclude(answer, loop)

    def _conclude(self, answer: Answer, loop: Loop) -> None:
        if answer.status is Status.OK and answer.settings is not None:
            self._good(web_from(answer.settings), answer.signature)
        elif answer.status is Status.MISTAKES:
            self._bad(answer.mistakes)
        elif answer.status is Status.GONE:
            self._bad([self._mistake("leads nowhere", "restore it, or take web_config_file out of agent.yaml")])
        else:  # it is being written
            loop.alarm("web", self._clock.monotonic() + SETTLE_SECONDS, self._read)

    def _good(self, config: WebConfig, signature: str) -> None:
        # What changes while it is loaded has another signature at the next look.
        marks = (signature, *map(_signature, _files(config)))
        if config == self.in_force and marks == self._loaded:
            healed, self.mistakes = bool(self.mistakes), ()
            if healed:
                LOG.info("the web configuration is good again")
                self._told()
        elif self._put_in_force(config):
            self._marks = self._loaded = marks

    def _put_in_force(self, config: WebConfig) -> bool:
        try:
            self._security = security_of(config)
        except OSError as error:
            wrong = f"its certificate or key was exchanged while it was read: {error.strerror or error}"
            self._bad([self._mistake(wrong, "it is read again soon")])
            return False
        self._serve(self._security)
        self.in_force, self.mistakes, self.loaded_at = config, (), self._clock.now().timestamp()
        LOG.info("web configuration in force: %s", _sentence(config))
        self._told()
        return True

    def _bad(self, mistakes: Sequence[Mistake]) -> None:
        found = tuple(mistakes)
        if self.in_force is None:
            self._serve(self._security)
        if found == self.mistakes:
            return
        self.mistakes = found
        for mistake in found:
            LOG.error("%s", visible(str(mistake)))
        LOG.error("the web configuration has mistakes; %s", _INSTEAD[self.in_force is not None])
        self._told()

    def _mistake(self, wrong: str, right: str) -> Mistake:
        return Mistake(self.path, 0, 0, "", wrong, right)


_INSTEAD = {True: "the last good one stays in force", False: "nobody is let in until they are mended"}


def security_of(config: WebConfig) -> Security:
    """Given a web configuration, return what the server makes of it. Raises OSError for files that cannot be used."""
    context = passwords = None
    if config.tls is not None:
        # Neither is loaded by an agent that needs none.
        from agent.host.http.tls import context_of  # noqa: PLC0415

        context = context_of(config.tls)
    if config.users:
        from agent.host.http.passwords import Passwords  # noqa: PLC0415

        passwords = Passwords(config.users)
    names = config.tls.allowed_names if config.tls is not None else frozenset()
    return Security(context, passwords, names, tuple(config.headers.items()))


def _files(config: WebConfig | None) -> tuple[str, ...]:
    return config.tls.files if config is not None and config.tls is not None else ()


def _signature(path: str) -> str:
    try:
        return signature_of(os.stat(path))
    except OSError as error:
        return str(error.strerror)


def _sentence(config: WebConfig) -> str:
    carried = "plain HTTP" if config.tls is None else f"TLS, {config.tls.client_auth}"
    return f"{carried}, {len(config.users)} users" if config.users else f"{carried}, no passwords"
