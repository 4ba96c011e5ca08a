"""The files of the policy directory as the daemon knows them: what each said when it was last compiled."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping

from msgspec import Struct
from msgspec.structs import replace

from agent.errors import Mistake, PolicyError
from agent.model.incidents import PolicyChange
from agent.policy.fragments import Fragment, Outline, load_fragment
from agent.policy.protocol import Answer, Status
from agent.policy.scan import GONE, Scan, changed_at, scan
from agent.policy.source import being_written
from agent.policy.trust import distrust_of, is_shared
from agent.ports import Clock
from agent.store import Store
from agent.store.records import CachedFragment

SETTLED_SECONDS = 0.24
"""A file that changed less than this ago may be changed further by whoever does it, with the file closed in between."""

NEVER = ""
"""The signature of a file that is compiled again at every look: it is no file's."""


class Seen(Struct, frozen=True):
    """One file as last compiled: a fragment, or mistakes. `text` is the fragment's JSON until it is in the store."""

    signature: str
    fragment: Fragment | None
    mistakes: tuple[Mistake, ...] = ()
    outline: Outline | None = None
    text: str = ""


class Files:
    """Remembers the files of one directory. `fingerprint` names the compiler, whose work another one does anew."""

    def __init__(self, directory: str, store: Store, clock: Clock, fingerprint: str) -> None:
        self._directory = directory
        self._store = store
        self._clock = clock
        self._fingerprint = fingerprint
        self._root = os.geteuid() == 0
        self._shared: bool | None = None
        self._seen: dict[str, Seen] = {}
        self._stored: set[str] = set()
        self._written: set[str] = set()
        self.unsettled: set[str] = set()
        """The files that are to be compiled, or could not be yet because they are changing at this moment."""

        self.named_twice = False
        """Whether a file has a second name: the kernel does not tell of what is written by it."""

    def recall(self) -> dict[str, Fragment]:
        """Return the fragments of the last good set of this directory; unchanged files will need no compiling."""
        same = self._store.facts.get("compiler") == self._fingerprint
        fragments: dict[str, Fragment] = {}
        for item in self._store.fragments.all().values():
            self._stored.add(item.name)
            if item.path != self._path(item.name):
                continue
            try:
                fragments[item.name] = load_fragment(item.body, item.path, item.digest)
            except ValueError:
                continue  # of another version of the agent; the file will tell
            if same:
                self._seen[item.name] = Seen(item.signature, fragments[item.name])
        return fragments

    def look(self) -> tuple[str, ...]:
        """Look at every file, and return the names of those to compile.

        Raises PolicyError when the directory as a whole cannot be used.
        """
        self.unsettled.clear()
        found = self._scan()
        for name in self._seen.keys() - found.files.keys():
            del self._seen[name]
        self.named_twice = found.twice
        known = self._seen
        changed = [n for n, mark in found.files.items() if (seen := known.get(n)) is None or seen.signature != mark]
        changed += self._judge_links(found.links) if self._root else []
        self._written &= set(changed)
        self.unsettled.update(changed)
        return tuple(sorted(name for name in self.unsettled.copy() if self._is_ready(name, found.files[name])))

    def _scan(self) -> Scan:
        try:
            found = scan(self._directory)
            distrusted = distrust_of(self._directory) if self._root else []
            status = os.stat(self._directory)
        except OSError as error:
            raise PolicyError(
                [self.mistake(f"cannot be read: {error.strerror}", "give a directory with policies")]
            ) from None
        if distrusted:
            raise PolicyError([Mistake(item.path, 0, 0, "", item.wrong, item.right) for item in distrusted])
        shared = is_shared(status.st_uid, status.st_mode)
        if self._shared not in (None, shared):
            self._seen.clear()  # who may add files decides how each of them is judged
        self._shared = shared
        return found

    def _judge_links(self, links: Collection[str]) -> list[str]:
        """Return the links that are to be compiled because who can change their way is not what it was.

        What stands on the way to a link's target may change hands without a trace in the target.
        """
        changed = []
        for name in links:
            try:
                trusted = not distrust_of(self._path(name))
            except OSError:
                continue  # the compiler says what is wrong with it
            seen = self._seen.get(name)
            if seen is not None and not trusted and seen.fragment is not None:
                changed.append(name)
        return changed

    def _is_ready(self, name: str, signature: str) -> bool:
        """Say whether a changed file is to be compiled; notes one that leads nowhere, or that is not settled."""
        if signature == GONE:
            self.unsettled.discard(name)
            self._seen[name] = Seen(GONE, None, (Mistake(self._path(name), 0, 0, "", *LEADS_NOWHERE),))
            return False
        age = self._clock.now().timestamp() - changed_at(signature)
        settled = not 0 <= age < SETTLED_SECONDS
        return settled and not (name in self._written and being_written(self._path(name)))

    def take(self, answer: Answer) -> None:
        """Given what the compiler says of a file, remember it."""
        name = answer.file
        match answer.status:
            case Status.OK:
                self._seen[name] = self._loaded(answer)
            case Status.MISTAKES:
                # A file that was not read has no signature; why not may change without a trace in the file.
                self._seen[name] = Seen(answer.signature or NEVER, None, answer.mistakes, answer.outline)
            case Status.BUSY:
                self._written.add(name)
                return
            case Status.GONE:
                return
        self._written.discard(name)
        self.unsettled.discard(name)

    def _loaded(self, answer: Answer) -> Seen:
        path = self._path(answer.file)
        try:
            return Seen(answer.signature, load_fragment(answer.fragment, path, answer.digest), text=answer.fragment)
        except ValueError:
            wrong = "was compiled by another version of the agent than this one"
            return Seen(NEVER, None, (Mistake(path, 0, 0, "", wrong, "start the agent again"),))

    def mistakes(self) -> list[Mistake]:
        """Return every mistake within a file."""
        return [mistake for seen in self._seen.values() for mistake in seen.mistakes]

    def fragments(self) -> dict[str, Fragment]:
        """Return what every file without mistakes says, by name."""
        return {name: seen.fragment for name, seen in self._seen.items() if seen.fragment is not None}

    def outlines(self) -> Mapping[str, Outline | None]:
        """Return by path the outline of every file, None where there is none."""
        return {
            self._path(name): seen.fragment.outline if seen.fragment else seen.outline
            for name, seen in self._seen.items()
        }

    def still_written(self) -> list[Mistake]:
        """Return as mistakes the files that do not settle."""
        right = "close it, or write another file and rename it over this one"
        return [Mistake(self._path(name), 0, 0, "", "is still being written", right) for name in self.unsettled]

    def persist(self, change: PolicyChange) -> None:
        """Keep the files in the store as the set in force: what a restart finds unchanged it need not compile.

        `change` is what putting it in force has changed: it goes into the history.
        """
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
                self._store.chain.policies(change.digest, change.at)
                self._store.policy_changes.add(change)
        self._stored = set(self._seen)
        for item in put:
            self._seen[item.name] = replace(self._seen[item.name], text="")

    def mistake(self, wrong: str, right: str) -> Mistake:
        """Return a mistake of the directory as a whole."""
        return Mistake(self._directory, 0, 0, "", wrong, right)

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, name)


LEADS_NOWHERE = ("leads nowhere", "remove it, or restore what it leads to")
