"""A whole policy directory in one process: what `hostkeeper check` and every other command does.

The daemon does the same in two: `agent.policy.child` compiles, and the daemon scans and links.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from agent.errors import Mistake, PolicyError
from agent.model.policies import PolicySet
from agent.policy.compile import Broken, compile_policy
from agent.policy.fragments import Fragment, Outline, load_fragment, load_outline
from agent.policy.link import Signals, link, mistakes_between
from agent.policy.scan import scan
from agent.policy.shape import Shapes
from agent.policy.source import Busy, Unreadable, read_source
from agent.schema import Schemas


@dataclass(slots=True)
class _Found:
    fragments: dict[str, Fragment] = field(default_factory=dict)
    outlines: dict[str, Outline | None] = field(default_factory=dict)
    mistakes: list[Mistake] = field(default_factory=list)


def load(
    directory: str,
    signals: Signals,
    actions: Collection[str] | None = None,
    *,
    schemas: Schemas | None = None,
    cache: Mapping[str, str] | None = None,
) -> PolicySet:
    """Given a policy directory, return the policy set.

    `signals` are the known signals with their label names; `actions` the actions that may be used (without it, every
    one that has a schema); `cache` gives fragments by the digest of a file's bytes, compiled by this same agent.
    Raises PolicyError with every mistake of every file.
    """
    shapes = Shapes(schemas or Schemas(), actions)
    try:
        names = sorted(scan(directory).files)
    except OSError as error:
        raise PolicyError(
            [Mistake(directory, 0, 0, "", f"cannot be read: {error.strerror}", "give a directory with policies")]
        ) from None
    found = _Found()
    for name in names:
        _one(os.path.join(directory, name), name, shapes, cache or {}, found)
    if found.mistakes:
        raise PolicyError(found.mistakes + mistakes_between(found.outlines, signals))
    return link(found.fragments, signals)


def _one(path: str, name: str, shapes: Shapes, cache: Mapping[str, str], found: _Found) -> None:
    found.outlines[path] = None
    try:
        source = read_source(path)
        text = cache.get(source.digest) or compile_policy(source.data, path, shapes)
    except Broken as broken:
        found.mistakes += broken.mistakes
        if broken.outline is not None:
            found.outlines[path] = load_outline(broken.outline)
    except Unreadable as problem:
        found.mistakes.append(Mistake(path, 0, 0, "", problem.wrong, problem.right))
    except Busy:
        found.mistakes.append(Mistake(path, 0, 0, "", "is being written", "try again when it is complete"))
    except FileNotFoundError:
        found.mistakes.append(Mistake(path, 0, 0, "", "leads nowhere", "remove it, or restore what it points to"))
    else:
        found.fragments[name] = load_fragment(text, path, source.digest)
        found.outlines[path] = found.fragments[name].outline
