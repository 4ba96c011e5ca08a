"""A whole policy directory in one process: what `hostkeeper check` and every other command does.

The daemon does the same in two: `agent.policy.child` compiles, and the daemon scans and links.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING

from agent.errors import Mistake, PolicyError
from agent.model.policies import PolicySet
from agent.policy.broken import Broken
from agent.policy.fragments import Fragment, Outline, fragment_from, load_fragment, load_outline
from agent.policy.link import Signals, fitted, misfits, mistakes_between
from agent.policy.scan import scan
from agent.policy.source import Busy, Source, read_source
from agent.policy.trust import Guard, distrust_of
from agent.schema import Schemas

if TYPE_CHECKING:  # files that the cache knows need no parser
    from agent.policy.compile import Compiler


def load(
    directory: str,
    signals: Signals,
    actions: Collection[str] | None = None,
    *,
    root: bool | None = None,
    schemas: Schemas | None = None,
    cache: Mapping[str, str] | None = None,
) -> PolicySet:
    """Given a policy directory, return the policy set.

    `signals` are the known signals with their label names; `actions` the actions that may be used (without it, every
    one that has a schema). `root` demands that files are root's alone (without it: when this process is root's).
    `cache` gives fragments by the digest of a file's bytes, compiled by this same agent. Raises PolicyError with every
    mistake of every file.
    """
    root = os.geteuid() == 0 if root is None else root
    names, mistakes = _listed(directory, root=root)
    with uncollected():
        loading = _Loading(
            directory, partial(_compiler, schemas, actions), Guard(directory) if root else None, cache or {}
        )
        mistakes += [mistake for name in names for mistake in loading.take(name)]
        policies = None if mistakes else fitted(loading.fragments, signals)
    if mistakes:
        raise PolicyError(mistakes + mistakes_between(loading.outlines(), signals))
    if policies is None:
        raise PolicyError(misfits(loading.outlines(), signals))
    return policies


def _compiler(schemas: Schemas | None, actions: Collection[str] | None) -> Compiler:
    from agent.policy.compile import Compiler  # noqa: PLC0415 - files that the cache knows need no parser

    return Compiler(schemas, actions)


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let no garbage be looked for: policies hold no circles, and looking through them takes a tenth of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _listed(directory: str, *, root: bool) -> tuple[list[str], list[Mistake]]:
    try:
        names = sorted(scan(directory).files)
        distrust = distrust_of(directory) if root else []
    except OSError as error:
        wrong = f"cannot be read: {error.strerror}"
        raise PolicyError([Mistake(directory, 0, 0, "", wrong, "give a directory with policies")]) from None
    return names, [Mistake(directory, 0, 0, "", problem.wrong, problem.right) for problem in distrust]


class _Loading:
    """Takes file after file; remembers fragments by name, and what is known of files with mistakes."""

    def __init__(
        self, directory: str, make_compiler: Callable[[], Compiler], guard: Guard | None, cache: Mapping[str, str]
    ) -> None:
        self._directory = directory
        self._make_compiler = make_compiler
        self._guard = guard
        self._cache = cache
        self._broken: dict[str, str] = {}
        self.fragments: dict[str, Fragment] = {}

    @cached_property
    def _compiler(self) -> Compiler:
        return self._make_compiler()

    def take(self, name: str) -> tuple[Mistake, ...]:
        """Given a file name, take it in and return its mistakes."""
        path = os.path.join(self._directory, name)
        wrong, right = "leads nowhere", "remove it, or restore what it leads to"
        try:
            source = read_source(path, self._guard)
            self.fragments[name] = self._recalled(path, source.digest) or self._compiled(path, source)
            return ()
        except Broken as broken:
            self._broken[path] = broken.outline
            return broken.mistakes
        except Busy:
            wrong, right = "is being written", "try again when it is complete"
        except FileNotFoundError:
            pass
        self._broken[path] = ""
        return (Mistake(path, 0, 0, "", wrong, right),)

    def _recalled(self, path: str, digest: str) -> Fragment | None:
        text = self._cache.get(digest)
        try:
            return None if text is None else load_fragment(text, path, digest)
        except ValueError:
            return None  # of another agent after all

    def _compiled(self, path: str, source: Source) -> Fragment:
        return fragment_from(self._compiler.policy(source.data, path).body, path, source.digest)

    def outlines(self) -> dict[str, Outline | None]:
        """Return the outline of every file, as far as it can be read. Files without mistakes are looked at again."""
        found = {path: load_outline(text) if text else None for path, text in self._broken.items()}
        for fragment in self.fragments.values():
            found[fragment.file] = fragment.outline or self._again(fragment)
        return found

    def _again(self, fragment: Fragment) -> Outline | None:
        try:
            source = read_source(fragment.file)
            if source.digest == fragment.digest:
                return load_outline(self._compiler.policy(source.data, fragment.file).outline())
        except (Broken, Busy, FileNotFoundError):
            pass
        return None
