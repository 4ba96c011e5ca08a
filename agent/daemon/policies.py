"""The policies in force: looked at when they may have changed, compiled in a child, linked, and swapped whole or not.

One look goes: settle (wait until nothing has changed for a moment), scan, compile what has another signature, link,
swap. A set with a mistake changes nothing but what is told of it. An empty directory is a mistake while policies are in
force, since nobody wants to lose all of them by an accident with `mv`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.daemon.compiler import Compiler
from agent.daemon.loop import Loop
from agent.errors import Mistake, PolicyError
from agent.host.watch import Debounce, Watcher
from agent.model.policies import PolicySet
from agent.policy.fragments import Fragment, Outline, load_fragment
from agent.policy.link import Signals, link, mistakes_between
from agent.policy.protocol import Answer, Status
from agent.policy.scan import scan
from agent.policy.trust import distrust_of
from agent.ports import Clock
from agent.store import Store
from agent.store.records import CachedFragment

LOG = logging.getLogger(__name__)
BUSY_SECONDS = 0.2
"""How soon a file that was being written is looked at again."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One file as last compiled: a fragment, or mistakes. `text` is the fragment's JSON until it is in the store."""

    signature: str
    fragment: Fragment | None
    mistakes: tuple[Mistake, ...] = ()
    outline: Outline | None = None
    text: str = ""


class Policies:
    """Keeps the policy set of a directory. `signals` and `actions` are what policies may name.

    `fingerprint` names the compiler: what another one compiled is compiled anew. `told` hears whenever what is to be
    told of the policies has changed.
    """

    def __init__(
        self,
        directory: str,
        store: Store,
        clock: Clock,
        *,
        signals: Signals,
        actions: tuple[str, ...],
        fingerprint: str,
        told: Callable[[], None],
    ) -> None:
        self._directory = directory
        self._store = store
        self._clock = clock
        self._signals = signals
        self._fingerprint = fingerprint
        self._told = told
        self._debounce = Debounce()
        self._seen: dict[str, Seen] = {}
        self._stored: set[str] = set()
        self._compiler = Compiler(directory, actions, self._take, self._compiled)
        self._busy = False
        self._again = False
        self._on_change: Callable[[PolicySet], None] = lambda _: None
        self._loop: Loop | None = None
        self._heard = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._watcher = Watcher(directory, self._hear)
        self.in_force: PolicySet | None = None
        self.valid = False
        self.mistakes: tuple[Mistake, ...] = ()
        self.loaded_at: float | None = None

    def attach(self, loop: Loop, on_change: Callable[[PolicySet], None]) -> None:
        """Given the daemon's loop and who is to hear of each set put in force, be ready to start."""
        self._loop, self._on_change = loop, on_change
        loop.watch(self._heard, self._on_heard)

    def _hear(self) -> None:
        os.eventfd_write(self._heard, 1)

    def _on_heard(self) -> None:
        os.eventfd_read(self._heard)
        self.changed()

    def changed(self) -> None:
        """The directory may have changed: look at it once it is quiet."""
        self._debounce.event(self._clock.monotonic())
        self._again = self._compiler.running
        self._alarm(self._debounce.due())

    def reload(self) -> None:
        """Look at the directory at once; fit to be called by a signal handler."""
        self._alarm(self._clock.monotonic())
        if self._loop is not None:
            self._loop.wake()

    def _alarm(self, instant: float | None) -> None:
        if self._loop is not None:
            self._loop.alarm("policies", instant, self._look)

    def start(self) -> None:
        """Put the policies in force, or the last good set, and watch from then on; waits for the compiler."""
        last_good = self._from_store()
        self._watcher.start()
        self._look(wait=True)
        if self.in_force is None:
            self._put_in_force(last_good)

    def _from_store(self) -> PolicySet:
        """Return the last good set, and remember its files, so that unchanged ones need no compiling."""
        same = self._store.facts.get("compiler") == self._fingerprint
        fragments: dict[str, Fragment] = {}
        for item in self._store.fragments.all().values():
            self._stored.add(item.name)
            try:
                fragment = load_fragment(item.body, item.path, item.digest)
            except (ValueError, KeyError):
                continue
            fragments[item.name] = fragment
            if same and item.path == os.path.join(self._directory, item.name):
                self._seen[item.name] = Seen(item.signature, fragment)
        try:
            return link(fragments, self._signals)
        except PolicyError:
            return link({}, self._signals)

    def stop(self) -> None:
        """Watch no longer."""
        self._watcher.stop()
        self._compiler.stop()

    def _look(self, *, wait: bool = False) -> None:
        """Scan, and compile what has changed. With `wait`, return when it is done."""
        if self._compiler.running:
            self._again = True
            return
        self._watcher.rearm()
        try:
            files = scan(self._directory).files
        except OSError as error:
            self._bad([self._mistake(f"cannot be read: {error.strerror}", "make it a directory with policies in it")])
            return
        distrusted = distrust_of(self._directory) if os.geteuid() == 0 else []
        if distrusted:
            self._bad([Mistake(item.path, 0, 0, "", item.wrong, item.right) for item in distrusted])
            return
        for name in self._seen.keys() - files.keys():
            del self._seen[name]
        known = {name: seen.signature for name, seen in self._seen.items()}
        changed = [name for name, signature in files.items() if known.get(name) != signature]
        if changed:
            self._busy = False
            self._compiler.compile(tuple(sorted(changed)), None if wait else self._loop)
        else:
            self._conclude()

    def _take(self, answer: Answer) -> None:
        match answer.status:
            case Status.OK:
                path = os.path.join(self._directory, answer.file)
                fragment = load_fragment(answer.fragment, path, answer.digest)
                self._seen[answer.file] = Seen(answer.signature, fragment, text=answer.fragment)
            case Status.MISTAKES:
                self._seen[answer.file] = Seen(answer.signature, None, answer.mistakes, answer.outline)
            case Status.BUSY | Status.GONE:
                self._seen.pop(answer.file, None)
                self._busy = True

    def _compiled(self) -> None:
        if self._busy:
            self._alarm(self._clock.monotonic() + BUSY_SECONDS)
        elif self._again:
            self._again = False
            self._alarm(self._debounce.due() or self._clock.monotonic())
        else:
            self._conclude()

    def _conclude(self) -> None:
        """Every file is compiled: put the set in force if there is no mistake in it."""
        mistakes = [mistake for seen in self._seen.values() for mistake in seen.mistakes]
        if mistakes:
            self._bad(mistakes + mistakes_between(self._outlines(), self._signals))
            return
        if not self._seen and self.in_force is not None and self.in_force.files:
            self._bad([self._mistake("holds no policies", "to have none, keep one file with `version: 1` alone")])
            return
        try:
            policies = link({name: s.fragment for name, s in self._seen.items() if s.fragment}, self._signals)
        except PolicyError as error:
            self._bad(list(error.mistakes))
            return
        healed, self.valid, self.mistakes = not self.valid, True, ()
        if self.in_force is None or policies.digest != self.in_force.digest:
            self._put_in_force(policies)
        else:
            self._persist()
            if healed:
                LOG.info("the policy files are good again; %s stays in force", policies.digest[:12])
                self._told()

    def _outlines(self) -> dict[str, Outline | None]:
        return {
            os.path.join(self._directory, name): seen.fragment.outline if seen.fragment else seen.outline
            for name, seen in self._seen.items()
        }

    def _put_in_force(self, policies: PolicySet) -> None:
        self.in_force = policies
        self.loaded_at = self._clock.now().timestamp()
        if self.valid:
            self._persist()
        LOG.info("policies %s in force: %d files, %d tasks", policies.digest[:12], policies.files, len(policies.tasks))
        self._on_change(policies)
        self._told()

    def _persist(self) -> None:
        """Keep the set in the store: what a restart finds unchanged it need not compile."""
        put = [
            CachedFragment(name, seen.fragment.file, seen.signature, seen.fragment.digest, seen.text)
            for name, seen in self._seen.items()
            if seen.text and seen.fragment is not None
        ]
        gone = sorted(self._stored - self._seen.keys())
        if put or gone:
            with self._store.transaction():
                self._store.fragments.update(put, gone)
                self._store.facts.set("compiler", self._fingerprint)
        self._stored = set(self._seen)
        for item in put:
            self._seen[item.name] = replace(self._seen[item.name], text="")

    def _bad(self, mistakes: list[Mistake]) -> None:
        found = tuple(sorted(set(mistakes)))
        if found == self.mistakes and not self.valid:
            return
        self.valid, self.mistakes = False, found
        for mistake in found:
            LOG.error("%s", mistake)
        LOG.error("the policy files have mistakes; the last good set stays in force")
        self._told()

    def _mistake(self, wrong: str, right: str) -> Mistake:
        return Mistake(self._directory, 0, 0, "", wrong, right)
