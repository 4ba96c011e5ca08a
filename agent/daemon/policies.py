"""The policies in force: looked at when they may have changed, compiled in a child, linked, and swapped whole or not.

One look goes: settle (wait until nothing has changed for a moment), scan, compile what has another signature, link,
swap. A set with a mistake changes nothing but what is told of it. An empty directory is a mistake while policies are in
force, since nobody wants to lose all of them by an accident with `mv`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from agent.daemon.compiler import COMMAND, Compiler
from agent.daemon.files import Files
from agent.daemon.loop import Loop
from agent.daemon.reloads import Reloads, Standing
from agent.engine.incidents import change_of
from agent.errors import Mistake, PolicyError, StoreError
from agent.host.output import visible
from agent.host.watch import Debounce, Watcher
from agent.model.incidents import PolicyChange
from agent.model.policies import PolicySet
from agent.model.signals import SignalSpec
from agent.policy.link import link, mistakes_between
from agent.ports import Clock
from agent.store import Store

LOG = logging.getLogger(__name__)
BUSY_SECONDS = 0.2
"""How soon a file that was being written is looked at again."""

START_SECONDS = 1.0
"""How long the start waits for files that are changing at that moment."""

PATIENCE_SECONDS = 10.0
"""How long files may go on changing before that is told; they are still not put in force."""

MOST_LOGGED = 100
"""How many mistakes are logged at a time; `hostkeeper check` names all."""


class Policies:
    """Keeps the policy set of a directory. Policies may name `signals`, and what `actions` returns.

    `fingerprint` names the compiler: what another one compiled is compiled anew. `told` hears whenever what is to be
    told of the policies has changed, `delayed` when the start has to wait for the compiler, which `command` starts.
    `acting` says whether any set is in force, if only the last good one.
    """

    def __init__(
        self,
        directory: str,
        store: Store,
        clock: Clock,
        *,
        signals: Mapping[str, SignalSpec],
        actions: Callable[[], tuple[str, ...]],
        fingerprint: str,
        told: Callable[[], None],
        delayed: Callable[[], None] = lambda: None,
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._clock = clock
        self._signals = signals
        self._told, self._delayed = told, delayed
        self._debounce = Debounce()
        self._files = Files(directory, store, clock, fingerprint)
        self._compiler = Compiler(directory, actions, self._files.take, self._compiled, command)
        self._changing_since: float | None = None
        self._on_change: Callable[[PolicySet], None] = lambda _: None
        self._asked = self._answering = False
        self._reloads: Reloads | None = None
        self._loop: Loop | None = None
        self._heard = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._watcher = Watcher(directory, self._hear)
        self._blindness = ""
        self._last_good = PolicySet("", 0, {}, {}, {})
        self.in_force: PolicySet | None = None
        self._change: PolicyChange | None = None
        self._by_half = False
        """Whether a set was taken up by some and not by all, since something failed."""

        self.valid = False
        self.acting = False
        self._settled = False
        self.mistakes: tuple[Mistake, ...] = ()
        self.loaded_at: float | None = None

    @property
    def trouble(self) -> str:
        """What the files have kept out of force, in one line, with the first mistake; "" when nothing."""
        if self.valid:
            return ""
        instead = "the last good set is" if self.acting else "NO POLICIES are"
        return ": ".join([f"{instead} in force", *map(str, self.mistakes[:1])])

    def attach(self, loop: Loop, on_change: Callable[[PolicySet], None], reloads: Reloads) -> None:
        """Given the daemon's loop, and who is to hear of each set put in force and of reloads, be ready to start."""
        self._loop, self._on_change, self._reloads = loop, on_change, reloads
        loop.watch(self._heard, self._on_heard)

    def _hear(self) -> None:
        os.eventfd_write(self._heard, 1)

    def _on_heard(self) -> None:
        os.eventfd_read(self._heard)
        self.changed()

    def changed(self) -> None:
        """The directory may have changed: look at it once it is quiet."""
        self._debounce.event(self._clock.monotonic())
        self._alarm(self._debounce.due())

    def suspect(self) -> None:
        """Look at the directory although nothing was heard, if something may have changed, or the last look failed."""
        if self._watcher.suspicious() or self._files.named_twice or not self._settled:
            self.changed()

    def reload(self) -> None:
        """Look at the directory at once; fit to be called by a signal handler."""
        self._asked = True
        self._alarm(self._clock.monotonic())
        if self._loop is not None:
            self._loop.wake()

    def _alarm(self, instant: float | None) -> None:
        if self._loop is not None:
            self._loop.alarm("policies", instant, self._look)

    def start(self) -> None:
        """Put the policies in force, or the last good set; waits for the compiler. Watch as soon as the loop turns."""
        try:
            self._last_good = link(self._files.recall(), self._signals)
        except PolicyError:
            LOG.warning("the last good policy set cannot be used by this version of the agent")
        self._look(wait=True)
        patient_until = self._clock.monotonic() + START_SECONDS
        while not self.valid and not self.mistakes and self._clock.monotonic() < patient_until:
            self._clock.sleep(BUSY_SECONDS / 4)
            self._look(wait=True)
        if self.in_force is None:
            self._put_in_force(self._last_good)
        if self._loop is not None:
            self._loop.alarm("watch policies", self._clock.monotonic(), self._watch)

    def _watch(self) -> None:
        """Begin to watch, and find what has changed since the look at the start: what watches takes long to load."""
        self._watcher.start()
        self._look()

    def stop(self) -> None:
        """Watch no longer, and give everything back."""
        self._watcher.stop()
        self._compiler.stop()
        if self._loop is not None:
            self._loop.unwatch(self._heard)
        os.close(self._heard)

    def _look(self, *, wait: bool = False) -> None:
        """Scan, and compile what has changed. With `wait`, return when it is done."""
        if self._compiler.running:
            self._debounce.event(self._clock.monotonic())
            return
        if self._asked and not wait:
            self._asked, self._answering = False, True
            if self._reloads is not None:
                self._reloads.begun(self._standing())
        self._debounce.clear()
        self._settled = False
        self._watcher.rearm()
        self._tell_of_watching()
        try:
            names = self._files.look()
            if names:
                if wait:
                    self._delayed()
                self._compiler.compile(names, None if wait else self._loop)
            else:
                self._compiled()
        except PolicyError as error:
            self._bad(error.mistakes)
            self._answer()
        except OSError as error:
            self._bad(
                [self._files.mistake(f"cannot be compiled: {error.strerror}", "give the host room for processes")]
            )
            self._answer()

    def _tell_of_watching(self) -> None:
        reason = self._watcher.reason
        if reason != self._blindness:
            self._blindness = reason
            LOG.warning("%s", f"the policy directory is looked at again and again: {reason}" if reason else WATCHED)

    def _compiled(self) -> None:
        """No file is left to compile: conclude, or look again if any of them is about to change further."""
        now = self._clock.monotonic()
        unsettled, burst = self._files.unsettled, self._debounce.due()
        if not unsettled and burst is None:
            self._changing_since = None
            self._conclude()
            return
        if self._changing_since is None:
            self._changing_since = now
        self._alarm(max(now + BUSY_SECONDS if unsettled else now, burst or now))
        if now - self._changing_since >= PATIENCE_SECONDS:
            self._conclude()

    def _conclude(self) -> None:
        self._judge()
        self._answer()

    def _answer(self) -> None:
        """Whoever asked for this look hears what has come of it."""
        if self._answering and self._reloads is not None:
            self._answering = False
            self._reloads.decided(self._standing())

    def _standing(self) -> Standing:
        return Standing(self.valid, self.in_force or self._last_good, self.mistakes)

    def _judge(self) -> None:
        """Put the set in force if there is no mistake in it."""
        mistakes = self._files.mistakes() + self._files.still_written()
        if mistakes:
            self._bad(mistakes + mistakes_between(self._files.outlines(), self._signals))
            return
        fragments = self._files.fragments()
        if not fragments and self._last_good.files:
            self._bad([self._files.mistake("holds no policies", "to have none, keep one file with `version: 1` alone")])
            return
        try:
            policies = link(fragments, self._signals)
        except PolicyError as error:
            self._bad(error.mistakes)
            return
        healed, self.valid, self.mistakes = not self.valid, True, ()
        if self.in_force is None or self._by_half or policies.digest != self.in_force.digest:
            self._put_in_force(policies)
        else:
            self._persist()
            if healed:
                LOG.info("the policy files are good again; %s stays in force", policies.digest[:12])
                self._told()
        self._settled = True

    def _put_in_force(self, policies: PolicySet) -> None:
        # Only what everybody has taken up is in force; what failed half way is tried again at the next look.
        self._take_up(policies)
        before = self.in_force or (self._last_good if self._last_good.files else None)
        self.in_force = self._last_good = policies
        self.loaded_at = self._clock.now().timestamp()
        self._change = change_of(before, policies, self.loaded_at)
        LOG.info("policies %s in force: %d files, %d tasks", policies.digest[:12], policies.files, len(policies.tasks))
        if self.valid:
            self._persist()
        # An empty set counts if that is what the files say.
        self.acting = self.valid or policies.files > 0
        self._told()

    def _take_up(self, policies: PolicySet) -> None:
        self._by_half = True
        self._on_change(policies)
        self._by_half = False

    def _persist(self) -> None:
        if self._change is None:
            return
        try:
            self._files.persist(self._change)
        except StoreError as error:
            LOG.error("the policies in force are not in the store, for the next start to fall back on: %s", error)

    def _bad(self, mistakes: Iterable[Mistake]) -> None:
        if self._by_half and self.in_force is not None:
            self._take_up(self.in_force)
        found = tuple(sorted(set(mistakes)))
        if found == self.mistakes and not self.valid:
            return
        self.valid, self.mistakes = False, found
        for mistake in found[:MOST_LOGGED]:
            LOG.error("%s", visible(str(mistake)))
        if len(found) > MOST_LOGGED:
            LOG.error("and %d mistakes more, which `hostkeeper check` names", len(found) - MOST_LOGGED)
        LOG.error("the policy files have mistakes; the last good set stays in force")
        if self.in_force is not None:  # at the start, this is told together with what is put in force instead
            self._told()


WATCHED = "the kernel tells of changes in the policy directory again"
